// What the tests of the codec share: octets written in hex, and what is read compared as a whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "emqx_sn/packet.hpp"
#include "gateway_tests/hex.hpp"

namespace sn_test {

using gateway_tests::hex;

inline std::string to_hex(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    if (!out.empty()) out += ' ';
    for (const int shift : {4, 0})
      out += "0123456789ABCDEF"[static_cast<std::uint8_t>(c) >> shift & 15];
  }
  return out;
}

// All of a packet, for comparing: what does not belong to its type has to be at its default.
inline std::string say(const sn::Packet& p) {
  std::string out = sn::name(p.type);
  const auto add = [&](const char* what, long value) {
    if (value != 0) out.append(1, ' ').append(what) += std::to_string(value);
  };
  add("flags=", p.flags.octet());
  add("protocol=", p.protocol_id);
  add("gateway=", p.gateway_id);
  add("radius=", p.radius);
  add("code=", p.code);
  add("duration=", p.duration);
  add("topic=", p.topic_id);
  add("msg=", p.msg_id);
  add("empty=", p.empty);
  if (!p.text.empty()) out.append(" '").append(p.text) += '\'';
  return out;
}

// What comes of a datagram: say(), or "-" when it is dropped.
inline std::string read(std::string_view datagram) {
  sn::Packet packet;
  return sn::decode(datagram, packet) ? say(packet) : "-";
}

// A message with the header that fits it: the type and what follows.
inline std::string message(sn::Type type, std::string_view body) {
  std::string out;
  if (body.size() <= 253) {
    out += static_cast<char>(body.size() + 2);
  } else {
    const std::size_t size = body.size() + 4;
    out.append(1, 1).append(1, static_cast<char>(size >> 8)) += static_cast<char>(size);
  }
  out += static_cast<char>(type);
  return out.append(body);
}

// The same with a long header, however short it is.
inline std::string long_form(sn::Type type, std::string_view body) {
  const std::size_t size = body.size() + 4;
  std::string out{1, static_cast<char>(size >> 8), static_cast<char>(size),
                  static_cast<char>(type)};
  return out.append(body);
}

}  // namespace sn_test
