// A WebSocket client for tests, blocking, with time-outs, that can also do everything wrong; and
// the MQTT packets that tests send through it. Failures throw.
#pragma once

#include <keel/test.hpp>

#include "emqx_ws/tests/frames.hpp"

namespace ws_test {

class WsClient {
 public:
  explicit WsClient(std::uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      const int error = errno;
      ::close(fd_);
      keel::test::fail(keel::concat("cannot connect to port ", port, ": ", std::strerror(error)));
    }
  }
  WsClient(const WsClient&) = delete;
  WsClient& operator=(const WsClient&) = delete;
  ~WsClient() { ::close(fd_); }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) keel::test::fail("the broker closed the connection");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // The head of the answer to a request.
  std::string upgrade(std::string_view text = request()) {
    send(text);
    std::size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos) fill();
    return take(end + 4);
  }
  struct Frame {
    std::uint8_t first = 0;
    std::string payload;
  };
  Frame receive() {
    need(2);
    std::size_t size = static_cast<std::uint8_t>(in_[1]), head = 2;
    const std::size_t extra = size == 127 ? 8 : size == 126 ? 2 : 0;
    need(head += extra);
    if (extra != 0) size = 0;
    for (std::size_t i = 0; i < extra; ++i)
      size = size << 8 | static_cast<std::uint8_t>(in_[2 + i]);
    need(head + size);
    Frame out{static_cast<std::uint8_t>(in_[0]), in_.substr(head, size)};
    in_.erase(0, head + size);
    return out;
  }
  // Bytes of binary frames, until there are as many.
  std::string receive_mqtt(std::size_t size) {
    while (mqtt_.size() < size) {
      const Frame frame = receive();
      if (frame.first != (kFin | kBinary)) {
        keel::test::fail(keel::concat("a frame of kind ", frame.first, " came"));
      }
      mqtt_ += frame.payload;
    }
    std::string out = mqtt_.substr(0, size);
    mqtt_.erase(0, size);
    return out;
  }
  // The next whole MQTT packet.
  std::string receive_packet() {
    std::string out = receive_mqtt(2);
    std::size_t size = out[1] & 0x7f;
    for (int shift = 7; out.back() & 0x80; shift += 7) {
      out += receive_mqtt(1);
      size |= static_cast<std::size_t>(out.back() & 0x7f) << shift;
    }
    return out += receive_mqtt(size);
  }
  // The code of the close frame that comes next, -1: the connection was closed without one.
  int closed() {
    try {
      for (;;) {
        const Frame frame = receive();
        if (frame.first != (kFin | kClose)) continue;
        return static_cast<std::uint8_t>(frame.payload.at(0)) << 8 |
               static_cast<std::uint8_t>(frame.payload.at(1));
      }
    } catch (const std::runtime_error&) {
      return -1;
    }
  }
  // Whether the connection is closed in time.
  bool gone() {
    try {
      for (;;) fill();
    } catch (const std::runtime_error& error) {
      return std::string_view(error.what()) == "closed";
    }
  }

 private:
  void need(std::size_t size) {
    while (in_.size() < size) fill();
  }
  void fill() {
    pollfd waits{fd_, POLLIN, 0};
    if (::poll(&waits, 1, 20'000) != 1) keel::test::fail("nothing comes");
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) keel::test::fail("closed");
    in_.append(buffer, static_cast<std::size_t>(n));
  }
  std::string take(std::size_t size) {
    std::string out = in_.substr(0, size);
    in_.erase(0, size);
    return out;
  }

  int fd_ = -1;
  std::string in_, mqtt_;
};

// ---- MQTT 3.1.1

inline std::string packet(int first, std::string_view body) {
  std::string out(1, static_cast<char>(first));
  std::size_t rest = body.size();
  do {
    const auto digit = static_cast<char>(rest % 128);
    rest /= 128;
    out += static_cast<char>(rest ? digit | 0x80 : digit);
  } while (rest);
  return out.append(body);
}
inline std::string field(std::string_view text) {
  std::string out{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())};
  return out.append(text);
}
inline std::string connect_packet(std::string_view id) {
  return packet(0x10, field("MQTT") + std::string("\4\2\0\0", 4) + field(id));
}
inline std::string subscribe_packet(std::string_view filter) {
  return packet(0x82, std::string("\0\1", 2) + field(filter) + std::string(1, '\0'));
}
inline std::string publish_packet(std::string_view topic, std::string_view payload) {
  return packet(0x30, field(topic).append(payload));
}
inline std::string disconnect_packet() { return packet(0xe0, {}); }

}  // namespace ws_test
