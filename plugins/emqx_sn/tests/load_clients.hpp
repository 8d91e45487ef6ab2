// MQTT-SN clients for bench.py's load. They know as much of the protocol as the load needs, and
// cost less per message than the gateway. One thread each.
#pragma once

#include "gateway_tests/load.hpp"

namespace load {

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
class Device : public Udp {
 public:
  using Udp::Udp;

  // Sends until an answer of the type comes.
  std::string ask(std::string_view datagram, char answer) const {
    for (int attempt = 0; attempt < 20; ++attempt) {
      send(datagram);
      while (readable(fd(), 500)) {
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
};

}  // namespace load
