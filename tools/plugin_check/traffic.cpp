#include "tools/plugin_check/traffic.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "tools/ctl/client.hpp"

namespace keel::check {
namespace {

constexpr timeval kPatience{2, 0};

// A packet of MQTT 3.1.1 whose rest is shorter than 128 bytes.
std::string packet(unsigned char first, std::string_view rest) {
  std::string out{static_cast<char>(first), static_cast<char>(rest.size())};
  return out += rest;
}

std::string text(std::string_view value) {
  std::string out{'\0', static_cast<char>(value.size())};
  return out += value;
}

std::string conversation() {
  using namespace std::string_literals;
  const std::string topic = text("plugin_check/visit");
  std::string out = packet(0x10, text("MQTT") + "\x04\x02\x00\x3c"s + text("plugin_check"));
  out += packet(0x82, "\x00\x01"s + text("plugin_check/#") + "\x01"s);
  for (int i = 0; i < 8; ++i) out += packet(0x30, topic + "a message");
  out += packet(0x32, topic + "\x00\x02"s + "a message at QoS 1");
  out += packet(0xA2, "\x00\x03"s + text("plugin_check/#"));
  return out + packet(0xE0, {});
}

}  // namespace

bool visit(const std::filesystem::path& socket) {
  const int fd = ctl::connect_to(socket);
  if (fd < 0) return false;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  const std::string all = conversation();
  [[maybe_unused]] const ssize_t sent = ::send(fd, all.data(), all.size(), MSG_NOSIGNAL);
  std::array<char, 4096> piece;
  ssize_t n;
  do {
    n = ::recv(fd, piece.data(), piece.size(), 0);
  } while (n > 0 || (n < 0 && errno == EINTR));
  const bool in_time = n == 0 || errno == ECONNRESET;
  ::close(fd);
  return in_time;
}

}  // namespace keel::check
