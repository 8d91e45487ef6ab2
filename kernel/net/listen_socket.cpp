#include "kernel/net/listen_socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace keel::kernel {
namespace {

// Closes the socket unless it is given away.
struct Guard {
  ~Guard() {
    if (fd >= 0) ::close(fd);
  }
  int release() { return std::exchange(fd, -1); }
  int fd;
};

struct SocketName {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketName name_of(const BindAddress& address) {
  SocketName name;
  if (!address.unix_path.empty()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, address.unix_path.data(), address.unix_path.size());
    std::memcpy(&name.storage, &un, sizeof un);
    name.size = sizeof un;
  } else if (address.endpoint.family == Endpoint::Family::ip4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.endpoint.port);
    std::memcpy(&in.sin_addr, address.endpoint.bytes.data(), 4);
    std::memcpy(&name.storage, &in, sizeof in);
    name.size = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.endpoint.port);
    std::memcpy(&in.sin6_addr, address.endpoint.bytes.data(), 16);
    std::memcpy(&name.storage, &in, sizeof in);
    name.size = sizeof in;
  }
  return name;
}

Error listen_failure(const BindAddress& address, int error) {
  std::string remedy;
  if (error == EADDRINUSE)
    remedy = "; something else listens there: stop it or choose another address";
  if (error == EACCES && address.unix_path.empty()) {
    remedy = "; ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one or grant it";
  }
  if (error == EADDRNOTAVAIL) remedy = "; no interface of this machine has the address";
  if (error == ENOENT) remedy = "; make the directory first";
  return Error{
      fmt::format("cannot listen on {}: {}{}", address.text(), std::strerror(error), remedy)};
}

// Makes room for a Unix socket: removes the file of a process that has gone, and nothing else.
Result<void> clear_stale(const BindAddress& address) {
  struct stat info {};
  if (::lstat(address.unix_path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) {
    return Error{
        fmt::format("cannot listen on {}: a file that is no socket has this name; remove it or "
                    "choose another path",
                    address.text())};
  }
  const Guard probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const SocketName name = name_of(address);
  if (::connect(probe.fd, name.get(), name.size) == 0 || errno != ECONNREFUSED) {
    return Error{
        fmt::format("cannot listen on {}: another process answers there; stop it or choose "
                    "another path",
                    address.text())};
  }
  ::unlink(address.unix_path.c_str());
  return {};
}

int backlog_of(const ListenOptions& options) {
  return static_cast<int>(std::min<std::uint32_t>(options.backlog, INT_MAX));
}

}  // namespace

Result<int> open_listen_socket(const BindAddress& address, const ListenOptions& options) {
  const bool local = !address.unix_path.empty();
  const SocketName name = name_of(address);
  Guard socket{::socket(name.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return listen_failure(address, errno);
  const int on = 1;
  if (local) {
    if (auto cleared = clear_stale(address); !cleared) return Error{cleared.error()};
    ::fchmod(socket.fd, options.unix_mode);  // never wider than asked, not even for a moment
  } else {
    ::setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options.reuse_port) ::setsockopt(socket.fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  if (::bind(socket.fd, name.get(), name.size) != 0) return listen_failure(address, errno);
  if (local) ::chmod(address.unix_path.c_str(), options.unix_mode);
  if (::listen(socket.fd, backlog_of(options)) != 0) return listen_failure(address, errno);
  return socket.release();
}

BindAddress bound_address(int fd, const BindAddress& asked) {
  if (!asked.unix_path.empty()) return asked;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  BindAddress bound = asked;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
    bound.endpoint.port = Endpoint::from(storage).port;
  }
  return bound;
}

void adjust_listen_socket(int fd, const BindAddress& address, const ListenOptions& options) {
  ::listen(fd, backlog_of(options));
  if (!address.unix_path.empty()) ::chmod(address.unix_path.c_str(), options.unix_mode);
}

}  // namespace keel::kernel
