#include "client.hpp"

#include "kernel/base/bytes.hpp"

namespace keel::bench {
namespace {

std::string number(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string text(std::string_view value) { return number(value.size()) + std::string(value); }

void put_length(std::string& out, std::size_t length) {
  for (; length > 127; length >>= 7) out.push_back(static_cast<char>(length | 128));
  out.push_back(static_cast<char>(length));
}

}  // namespace

void Client::packet(unsigned first, std::string_view body) {
  to_broker.push_back(static_cast<char>(first));
  put_length(to_broker, body.size());
  to_broker += body;
}

std::string Client::section(std::string_view properties) const {
  std::string out;
  if (version_ != Version::v5) return out;
  put_length(out, properties.size());
  return out.append(properties);
}

void Client::connect(bool clean) {
  hung_up = false;
  const std::string expiry("\x11\0\0\x0e\x10", 5);  // an hour
  packet(0x10, text("MQTT") + static_cast<char>(version_ == Version::v5 ? 5 : 4) +
                   static_cast<char>(clean ? 2 : 0) + number(60) +
                   section(clean ? std::string_view() : expiry) + text(id_));
  loop_.dial(*this);
}

void Client::disconnect() { packet(0xe0, {}); }

void Client::subscribe(std::string_view filter, std::uint8_t qos, std::string_view properties) {
  packet(0x82, number(next_id()) + section(properties) + text(filter) +
                   std::string(1, static_cast<char>(qos)));
}

void Client::unsubscribe(std::string_view filter) {
  packet(0xa2, number(next_id()) + section({}) + text(filter));
}

void Client::ping() { packet(0xc0, {}); }

void Client::publish(std::string_view topic, std::string_view payload, std::uint8_t qos,
                     bool retain, std::string_view properties) {
  std::string body = text(topic);
  if (qos != 0) body += number(next_id());
  body += section(properties);
  body += payload;
  packet(0x30u | static_cast<unsigned>(qos) << 1 | (retain ? 1u : 0u), body);
}

void Client::answer(unsigned first, const char* id) { packet(first, {id, 2}); }

void Client::take(std::string_view bytes) {
  if (deaf_) return;
  partial_ += bytes;
  std::string_view rest = partial_;
  while (rest.size() >= 2) {
    std::size_t length = 0, at = 1;
    for (unsigned shift = 0; at < rest.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest[at++]);
      length |= static_cast<std::size_t>(byte & 127) << shift;
      if (byte < 128) break;
    }
    if ((rest[at - 1] & 128) != 0 || rest.size() - at < length) break;
    take_packet(static_cast<unsigned char>(rest[0]), rest.substr(at, length));
    rest.remove_prefix(at + length);
  }
  partial_.erase(0, partial_.size() - rest.size());
}

void Client::take_packet(unsigned first, std::string_view body) {
  switch (static_cast<PacketType>(first >> 4)) {
    case PacketType::publish: {
      ++messages_;
      const unsigned qos = first >> 1 & 3;
      if (qos != 0) answer(qos == 1 ? 0x40 : 0x50, body.data() + 2 + load_be16(body.data()));
      return;
    }
    case PacketType::pubrec:
      return answer(0x62, body.data());
    case PacketType::pubrel:
      return answer(0x70, body.data());
    default:
      return;
  }
}

}  // namespace keel::bench
