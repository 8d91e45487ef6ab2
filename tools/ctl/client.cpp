#include "tools/ctl/client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace keel::ctl {
namespace {

constexpr std::uint32_t kEnd = 0xFFFFFFFF;

void append_number(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

// A broker that refuses answers before it has read everything, so errors are left for the reading
// side.
void send_request(int fd, const std::vector<std::string>& arguments) {
  std::string request;
  append_number(request, static_cast<std::uint32_t>(arguments.size()));
  for (const std::string& argument : arguments) {
    append_number(request, static_cast<std::uint32_t>(argument.size()));
    request += argument;
  }
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool read(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, to, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

int connect_to(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result;
  do {
    result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return fd;
  const int cause = errno;
  ::close(fd);
  errno = cause;
  return -1;
}

std::optional<int> ask(int fd, const std::vector<std::string>& arguments, const Sink& sink) {
  send_request(fd, arguments);
  std::array<char, 65536> piece;
  while (true) {
    std::array<char, 4> head;
    if (!read(fd, head.data(), head.size())) return std::nullopt;
    std::uint32_t left = 0;
    for (const char c : head) left = left << 8 | static_cast<unsigned char>(c);
    if (left == kEnd) {
      char code = 0;
      if (!read(fd, &code, 1)) return std::nullopt;
      return static_cast<unsigned char>(code);
    }
    while (left > 0) {
      const std::size_t n = std::min<std::size_t>(left, piece.size());
      if (!read(fd, piece.data(), n) || !sink({piece.data(), n})) return std::nullopt;
      left -= static_cast<std::uint32_t>(n);
    }
  }
}

}  // namespace keel::ctl
