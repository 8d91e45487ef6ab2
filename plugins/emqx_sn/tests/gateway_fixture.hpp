// The gateway on FakeHost, as its tests need it. All datagrams arrive on shard 0; the home of "c1"
// is shard 0, that of "c2" is shard 1.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <keel/fake.hpp>
#include <keel/plugin.hpp>

#include "messages.hpp"

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace sn_test {

constexpr std::string_view kA = "127.0.0.1:40001", kB = "127.0.0.1:40002", kC = "10.0.0.9:5";

inline std::string connect(std::string_view id, std::uint8_t flags = 0x04,
                           std::uint16_t duration = 60) {
  std::string body{static_cast<char>(flags), 1, static_cast<char>(duration >> 8),
                   static_cast<char>(duration)};
  return sn_test::message(sn::Type::connect, body.append(id));
}
inline std::string pingreq(std::string_view id) { return sn_test::message(sn::Type::pingreq, id); }
// In a forwarder's wrapper.
inline std::string wrapped(std::string_view node, std::string_view message) {
  std::string out{static_cast<char>(3 + node.size()), '\xfe', 0};
  return out.append(node).append(message);
}

using Settings = std::vector<std::pair<std::string, std::string>>;

struct Gateway {
  // `prepare`: the host, before the plugin is loaded.
  explicit Gateway(const Settings& settings = {},
                   const std::function<void(keel::FakeHost&)>& prepare = {}) {
    host.set("mqtt.sn.port", "127.0.0.1:1884");
    host.set("mqtt.sn.advertise_duration", "0");
    host.set("mqtt.sn.username", "sensor");
    host.set("mqtt.sn.password", "secret");
    for (const auto& [key, value] : settings) host.set(key, value);
    if (prepare) prepare(host);
    const keel::Status loaded = host.load(keel_plugin_entry_v1);
    INFO(loaded.text());
    REQUIRE(loaded);
  }
  ~Gateway() {
    CHECK(host.misuse().empty());
    CHECK(host.exceptions.empty());
  }
  // What was sent since last time: "40001: 03 05 00" each, joined by "; ".
  std::string heard() {
    std::string out;
    for (const keel::FakeDatagram& sent : host.datagrams_sent) {
      if (!out.empty()) out += "; ";
      out += sent.peer.substr(sent.peer.rfind(':') + 1) + ": " + to_hex(sent.bytes);
    }
    host.datagrams_sent.clear();
    return out;
  }
  // What is heard of a message.
  std::string say(std::string_view octets, std::string_view from = kA,
                  std::optional<keel::FakeVerified> verified = std::nullopt) {
    host.datagram(octets, from, to, std::move(verified));
    return heard();
  }
  bool is_open(std::string_view id) {
    const auto* const session = host.session(id);
    return session && session->open;
  }

  keel::FakeHost host;
  std::string_view to = {};
};

}  // namespace sn_test
