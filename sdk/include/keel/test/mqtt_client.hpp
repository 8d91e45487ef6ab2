// A little MQTT 3.1.1 client for tests, blocking, with time-outs. Failures throw. Part of
// keel/test.hpp.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <deque>
#include <utility>

#include "keel/test/process.hpp"

namespace keel::test {

class MqttClient {
 public:
  struct Options {
    std::string client_id = "test";
    std::string username = {}, password = {};
    bool clean = true;
    std::uint16_t keep_alive_s = 0;
    int timeout_ms = 20'000;  // for every answer
  };
  struct Message {
    std::string topic, payload;
    std::uint8_t qos = 0;
    bool retain = false, dup = false;
  };

  // Connects the socket; connect() speaks MQTT.
  explicit MqttClient(std::uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      const int error = errno;
      if (fd_ >= 0) ::close(fd_);
      fail(concat("cannot connect to port ", port, ": ", std::strerror(error)));
    }
  }
  MqttClient(MqttClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        timeout_ms_(other.timeout_ms_),
        next_id_(other.next_id_),
        in_(std::move(other.in_)),
        messages_(std::move(other.messages_)) {}
  MqttClient& operator=(MqttClient&&) = delete;
  ~MqttClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  // The return code of CONNACK: 0 when connected.
  std::uint8_t connect(const Options& options) {
    timeout_ms_ = options.timeout_ms;
    std::string body = text("MQTT");
    body += '\4';
    const bool user = !options.username.empty(), password = !options.password.empty();
    body += static_cast<char>((options.clean ? 2 : 0) | (user ? 0x80 : 0) | (password ? 0x40 : 0));
    body += number(options.keep_alive_s) + text(options.client_id);
    if (user) body += text(options.username);
    if (password) body += text(options.password);
    send(0x10, body);
    const Packet answer = await(2, "CONNACK");
    return static_cast<std::uint8_t>(answer.body.at(1));
  }
  // The granted QoS; 0x80: refused.
  std::uint8_t subscribe(std::string_view filter, std::uint8_t qos = 0) {
    send(0x82, number(next_id()) + text(filter) + static_cast<char>(qos));
    return static_cast<std::uint8_t>(await(9, "SUBACK").body.at(2));
  }
  void unsubscribe(std::string_view filter) {
    send(0xa2, number(next_id()) + text(filter));
    await(11, "UNSUBACK");
  }
  // QoS 0 or 1; returns when it is acknowledged.
  void publish(std::string_view topic, std::string_view payload, std::uint8_t qos = 0,
               bool retain = false) {
    const auto first = static_cast<std::uint8_t>(0x30 | qos << 1 | (retain ? 1 : 0));
    send(first, text(topic) + (qos ? number(next_id()) : std::string()) + std::string(payload));
    if (qos) await(4, "PUBACK");
  }
  // The next message; throws when none comes in time.
  Message receive() { return receive(timeout_ms_); }
  Message receive(int timeout_ms) {
    const std::int64_t until = now_ms() + timeout_ms;
    while (messages_.empty()) take(read(until, "a message"));
    Message out = std::move(messages_.front());
    messages_.pop_front();
    return out;
  }
  // The next message must be this one.
  void expect(std::string_view topic, std::string_view payload) {
    const Message got = receive();
    if (got.topic != topic || got.payload != payload) {
      fail(concat("expected ", topic, " = ", payload, ", got ", got.topic, " = ", got.payload));
    }
  }
  // Whether nothing is on its way: what the broker had to say before the answer to a ping is read.
  bool quiet() {
    ping();
    return messages_.empty();
  }
  void ping() {
    send(0xc0, {});
    await(13, "PINGRESP");
  }
  void disconnect() {
    send(0xe0, {});
    ::close(std::exchange(fd_, -1));
  }
  // Whether the broker closes the connection in time.
  bool closed_by_broker() {
    try {
      for (;;) take(read(now_ms() + timeout_ms_, "the end"));
    } catch (const std::runtime_error& error) {
      return std::string_view(error.what()).find("closed") != std::string_view::npos;
    }
  }

 private:
  struct Packet {
    std::uint8_t first = 0;
    std::string body;
  };

  static std::string number(std::uint16_t n) {
    return {static_cast<char>(n >> 8), static_cast<char>(n & 0xff)};
  }
  static std::string text(std::string_view from) {
    return number(static_cast<std::uint16_t>(from.size())) += from;
  }
  std::uint16_t next_id() { return next_id_ = static_cast<std::uint16_t>(next_id_ % 65535 + 1); }

  void send(std::uint8_t first, std::string_view body) {
    std::string out(1, static_cast<char>(first));
    std::size_t rest = body.size();
    do {
      const auto digit = static_cast<char>(rest % 128);
      rest /= 128;
      out += static_cast<char>(rest ? digit | 0x80 : digit);
    } while (rest);
    out += body;
    for (std::string_view left = out; !left.empty();) {
      const ssize_t n = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
      if (n <= 0) fail("the broker closed the connection");
      left.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // A whole packet out of what was read so far.
  bool complete(Packet& out) {
    std::size_t size = 0, at = 1;
    for (int shift = 0;; shift += 7) {
      if (at >= in_.size()) return false;
      const auto digit = static_cast<unsigned char>(in_[at++]);
      size |= std::size_t{digit & 127u} << shift;
      if (!(digit & 128)) break;
    }
    if (in_.size() - at < size) return false;
    out = {static_cast<std::uint8_t>(in_[0]), in_.substr(at, size)};
    in_.erase(0, at + size);
    return true;
  }
  Packet read(std::int64_t until, const char* what) {
    for (Packet packet;;) {
      if (complete(packet)) return packet;
      pollfd ready{fd_, POLLIN, 0};
      const std::int64_t left = until - now_ms();
      if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) {
        fail(concat("waited in vain for ", what));
      }
      char buffer[4096];
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) fail(concat("the broker closed the connection instead of sending ", what));
      in_.append(buffer, static_cast<std::size_t>(n));
    }
  }
  Packet await(int type, const char* name) {
    const std::int64_t until = now_ms() + timeout_ms_;
    for (;;) {
      Packet packet = read(until, name);
      if (packet.first >> 4 == type) return packet;
      take(std::move(packet));
    }
  }
  // Messages are kept for receive(), QoS 1 is acknowledged.
  void take(Packet packet) {
    if (packet.first >> 4 != 3) return;
    const auto length =
        static_cast<std::size_t>(static_cast<unsigned char>(packet.body.at(0)) << 8 |
                                 static_cast<unsigned char>(packet.body.at(1)));
    Message message;
    message.qos = packet.first >> 1 & 3;
    message.retain = packet.first & 1;
    message.dup = packet.first & 8;
    message.topic = packet.body.substr(2, length);
    std::size_t at = 2 + length;
    if (message.qos) {
      send(0x40, packet.body.substr(at, 2));
      at += 2;
    }
    message.payload = packet.body.substr(at);
    messages_.push_back(std::move(message));
  }

  int fd_ = -1;
  int timeout_ms_ = 20'000;
  std::uint16_t next_id_ = 0;
  std::string in_;
  std::deque<Message> messages_;
};

}  // namespace keel::test
