#include "kernel/net/connect_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace keel::kernel {
namespace {

int start(int fd, const Endpoint& target) {
  if (target.family == Endpoint::Family::ip4) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(target.port);
    std::memcpy(&name.sin_addr, target.bytes.data(), sizeof name.sin_addr);
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(target.port);
  std::memcpy(&name.sin6_addr, target.bytes.data(), sizeof name.sin6_addr);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

}  // namespace

int open_connecting_socket(const Endpoint& target) {
  const int family = target.family == Endpoint::Family::ip4 ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (start(fd, target) == 0 || errno == EINPROGRESS || errno == EINTR) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

// A socket that connects to a free port of this machine may be given that very port and so find
// itself.
int connect_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  sockaddr_storage ours{}, theirs{};
  size = sizeof ours;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &size);
  size = sizeof theirs;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &size) != 0) return errno;
  return Endpoint::from(ours) == Endpoint::from(theirs) ? ECONNREFUSED : 0;
}

}  // namespace keel::kernel
