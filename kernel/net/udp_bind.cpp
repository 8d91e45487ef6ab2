#include "kernel/net/udp_bind.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/base/log.hpp"
#include "kernel/net/listen_socket.hpp"
#include "kernel/net/udp_address.hpp"

namespace keel::kernel {
namespace {

void turn_on(int fd, int level, int option, int value = 1) {
  ::setsockopt(fd, level, option, &value, sizeof value);
}

Error bind_failure(const BindAddress& address, int error) {
  const char* remedy = "";
  switch (error) {
    case EADDRINUSE:
      remedy = "; something else is bound there: stop it or choose another address";
      break;
    case EACCES:
      remedy = "; ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one or grant it";
      break;
    case EADDRNOTAVAIL:
      remedy = "; no interface of this machine has the address";
      break;
    case EAFNOSUPPORT:
      remedy = "; the machine has no such network: bind another address";
      break;
    case EMFILE:
    case ENFILE:
      remedy = "; raise the limit of open files (ulimit -n)";
      break;
    default:
      break;
  }
  return Error{
      fmt::format("cannot bind UDP on {}: {}{}", address.text(), std::strerror(error), remedy)};
}

// The system grants less than asked for when its own limit is lower; that is worth a line, no more.
void size_buffer(int fd, const BindAddress& address, bool receive, std::uint32_t bytes) {
  if (bytes == 0) return;
  const int asked = static_cast<int>(std::min<std::uint32_t>(bytes, INT_MAX / 2));
  const int forced = receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE;  // beyond the limit, with privilege
  const int plain = receive ? SO_RCVBUF : SO_SNDBUF;
  if (::setsockopt(fd, SOL_SOCKET, forced, &asked, sizeof asked) == 0) return;
  turn_on(fd, SOL_SOCKET, plain, asked);
  int doubled = 0;  // the system counts its own overhead in
  socklen_t size = sizeof doubled;
  ::getsockopt(fd, SOL_SOCKET, plain, &doubled, &size);
  if (doubled / 2 >= asked) return;
  KEEL_LOG(notice, "UDP {}: {} of {} bytes asked for, {} granted; raise net.core.{}_max",
           address.text(), receive ? "rcvbuf" : "sndbuf", asked, doubled / 2,
           receive ? "rmem" : "wmem");
}

void prepare(int fd, const BindAddress& address, const UdpOptions& options) {
  const bool ip6 = address.endpoint.family == Endpoint::Family::ip6;
  if (options.broadcast) turn_on(fd, SOL_SOCKET, SO_BROADCAST);
  // Only groups that this very socket joined.
  turn_on(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  if (ip6) turn_on(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
  if (address.wildcard()) {
    turn_on(fd, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
  }
  size_buffer(fd, address, true, options.rcvbuf);
  size_buffer(fd, address, false, options.sndbuf);
}

}  // namespace

Result<int> open_udp_socket(const BindAddress& address, const UdpOptions& options) {
  const bool ip6 = address.endpoint.family == Endpoint::Family::ip6;
  const UdpAddress name = to_socket_address(address.endpoint, ip6);
  if (!address.unix_path.empty() || name.size == 0) {
    return Error{fmt::format("cannot bind UDP on {}: not an IP address; write ADDRESS:PORT",
                             address.text())};
  }
  const int fd = ::socket(name.storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return bind_failure(address, errno);
  prepare(fd, address, options);
  if (options.reuse_port) turn_on(fd, SOL_SOCKET, SO_REUSEPORT);
  if (::bind(fd, name.get(), name.size) != 0) {
    const int error = errno;
    ::close(fd);
    return bind_failure(address, error);
  }
  return fd;
}

Result<std::vector<int>> open_udp_sockets(const BindAddress& address, const UdpOptions& options,
                                          std::size_t count) {
  std::vector<int> fds;
  UdpOptions each = options;
  each.reuse_port = false;  // the first one must have the address for itself
  BindAddress bound = address;
  while (fds.size() < count) {
    const Result<int> fd = open_udp_socket(bound, each);
    if (!fd) {
      for (const int opened : fds) ::close(opened);
      return Error{fd.error()};
    }
    if (fds.empty()) {
      bound = bound_address(*fd, address);
      if (count > 1) turn_on(*fd, SOL_SOCKET, SO_REUSEPORT);
      each.reuse_port = true;
    }
    fds.push_back(*fd);
  }
  return fds;
}

}  // namespace keel::kernel
