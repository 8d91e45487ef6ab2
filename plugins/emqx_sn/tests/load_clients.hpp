// Clients for bench.py's load: MQTT-SN over UDP, and MQTT over TCP for comparison. They know as
// much of the protocols as the load needs, and cost less per message than the gateway. One thread
// each.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace load {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}
[[noreturn]] inline void fail(const std::string& what) { throw std::runtime_error(what); }
[[noreturn]] inline void failed(const char* call) {
  fail(std::string(call) + ": " + std::strerror(errno));
}

inline std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::size_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                  static_cast<std::uint8_t>(bytes[at + 1]));
}

inline int connected(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0) failed("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) failed("connect");
  return fd;
}

inline bool readable(int fd, int timeout_ms) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, timeout_ms) == 1;
}

namespace type {
constexpr char connect = 0x04, connack = 0x05, reg = 0x0a, regack = 0x0b, publish = 0x0c,
               puback = 0x0d, pingreq = 0x16, pingresp = 0x17, disconnect = 0x18;
}

inline std::string message(char type, std::string_view body) {
  std::string out;
  if (body.size() <= 253) {
    out += static_cast<char>(body.size() + 2);
  } else {
    out = '\x01' + u16(body.size() + 4);
  }
  return (out += type).append(body);
}
// Without a keep alive: nobody here waits for a timeout.
inline std::string sn_connect(const std::string& client) {
  return message(type::connect, std::string("\x04\x01\x00\x00", 4) + client);
}
inline std::string sn_register(const std::string& topic) {
  return message(type::reg, std::string("\0\0\0\1", 4) + topic);
}
inline std::string sn_publish(char flags, std::size_t topic_id, std::size_t msg_id,
                              std::string_view data) {
  return message(type::publish, flags + u16(topic_id) + u16(msg_id) + std::string(data));
}

// One client on its own socket.
class Device {
 public:
  explicit Device(std::uint16_t port) : fd_(connected(SOCK_DGRAM, port)) {}
  ~Device() { ::close(fd_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  int fd() const { return fd_; }
  void send(std::string_view datagram) const {
    static_cast<void>(::send(fd_, datagram.data(), datagram.size(), 0));
  }
  // The next datagram; empty: none is there.
  std::string receive() const {
    char buffer[2048];
    const auto n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
  }
  // Sends until an answer of the type comes.
  std::string ask(std::string_view datagram, char answer) const {
    for (int attempt = 0; attempt < 20; ++attempt) {
      send(datagram);
      while (readable(fd_, 500)) {
        const std::string got = receive();
        if (got.size() >= 2 && got[1] == answer) return got;
      }
    }
    fail("no answer");
  }
  std::size_t open(const std::string& client, const std::string& topic) const {
    if (ask(sn_connect(client), type::connack)[2] != 0) fail("refused");
    return u16_at(ask(sn_register(topic), type::regack), 2);
  }

 private:
  int fd_;
};

inline std::string tcp_packet(char first, std::string_view body) {
  std::string out(1, first);
  std::size_t size = body.size();
  do {
    out += static_cast<char>(size % 128 | (size >= 128 ? 128 : 0));
    size /= 128;
  } while (size != 0);
  return out.append(body);
}
inline std::string field(const std::string& text) { return u16(text.size()) + text; }

class Tcp {
 public:
  Tcp(std::uint16_t port, const std::string& client) : fd_(connected(SOCK_STREAM, port)) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send(tcp_packet(0x10, field("MQTT") + std::string("\x04\x02\0\0", 4) + field(client)));
    wait_for(0x20);
  }
  ~Tcp() { ::close(fd_); }
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;

  int fd() const { return fd_; }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) failed("send");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void subscribe(const std::string& filter) {
    send(tcp_packet('\x82', u16(1) + field(filter) + '\0'));
    wait_for('\x90');
  }
  void ping() {
    send(std::string_view("\xc0\0", 2));
    wait_for('\xd0');
  }
  // Reads what is there, at least something; f(payload) for each message.
  template <class F>
  void read(F&& f) {
    char buffer[1 << 16];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) fail("the broker has gone");
    in_.append(buffer, static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (std::size_t size = 0, head = 0; whole(at, head, size); at += head + size) {
      const std::string_view body = std::string_view(in_).substr(at + head, size);
      last_ = in_[at];
      if ((in_[at] & 0xf0) == 0x30) f(body.substr(2 + u16_at(body, 0)));
    }
    in_.erase(0, at);
  }

 private:
  void wait_for(char first) {
    for (last_ = 0; last_ != first;) read([](std::string_view) {});
  }
  bool whole(std::size_t at, std::size_t& head, std::size_t& size) const {
    size = 0;
    for (std::size_t i = at + 1; i < in_.size() && i < at + 5; ++i) {
      size |= static_cast<std::size_t>(in_[i] & 127) << (7 * (i - at - 1));
      if (in_[i] & 128) continue;
      head = i + 1 - at;
      return in_.size() - at >= head + size;
    }
    return false;
  }

  int fd_;
  std::string in_;
  char last_ = 0;
};

}  // namespace load
