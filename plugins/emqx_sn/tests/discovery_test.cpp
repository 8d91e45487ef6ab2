// ADVERTISE: where to, when, and what it says.
#include "emqx_sn/discovery.hpp"

#include <doctest/doctest.h>

#include <keel/fake.hpp>

#include "emqx_sn/schema.hpp"

namespace {

using sn::DiscoverySettings;

keel::Address address(std::string_view text) { return *keel::Address::parse(text); }

const std::vector<sn::Interface> kInterfaces = {
    {address("10.0.0.5"), address("10.0.0.255")},
    {address("192.168.1.2"), address("192.168.1.127")},
    {address("192.168.1.3"), address("192.168.1.127")},  // a second address there
};

std::string to(const DiscoverySettings& settings, std::string_view local) {
  std::string out;
  for (const keel::Address& each : sn::destinations(settings, address(local), kInterfaces)) {
    out += each.text() + ' ';
  }
  return out;
}

// A plugin that listens and advertises, and nothing else.
class Gateway final : public keel::Plugin {
 public:
  using Plugin::Plugin;
  static constexpr auto& settings = sn::kSchema;
  inline static sn::Counters counters;

  keel::Status start() override {
    counters = {};
    auto read = sn::read_settings(host().config());
    if (!read) return read.status();
    for (const sn::ListenerSettings& each : (*read)->listeners) {
      const auto ignore = [](void*, sn::Listener&, const keel::Datagram&) {};
      listeners_.push_back(std::make_unique<sn::Listener>(each, "emqx_sn", ignore, nullptr));
      KEEL_TRY(listeners_.back()->open(host()));
    }
    return advertise(**read);
  }
  keel::Status apply(std::span<const std::string_view>) override {
    auto read = sn::read_settings(host().config());
    return read ? advertise(**read) : read.status();
  }
  void drain(keel::DrainReason, std::uint32_t, keel::DrainDone done) override {
    advertiser_.stop();
    done();
  }

 private:
  keel::Status advertise(const sn::GatewaySettings& wanted) {
    std::vector<const sn::Listener*> all;
    for (const auto& each : listeners_) all.push_back(each.get());
    return advertiser_.start(wanted, std::move(all), counters);
  }

  std::vector<std::unique_ptr<sn::Listener>> listeners_;
  sn::Advertiser advertiser_{host()};
};

struct Broker {
  explicit Broker(std::string_view settings) {
    host.set_all(settings);
    const keel::Status loaded = host.load<Gateway>();
    REQUIRE_MESSAGE(loaded, loaded.text());
    host.advance(50);
  }
  ~Broker() {
    CHECK(host.unload());
    for (const std::string& each : host.misuse()) FAIL_CHECK(each);
  }
  // What was sent since the last call: "to hexbytes; "
  std::string sent() {
    std::string out;
    for (const keel::FakeDatagram& each : host.datagrams_sent) {
      out += each.peer + ' ';
      for (const char octet : each.bytes) {
        const auto byte = static_cast<unsigned char>(octet);
        out += "0123456789abcdef"[byte >> 4];
        out += "0123456789abcdef"[byte & 15];
      }
      out += "; ";
    }
    host.datagrams_sent.clear();
    return out;
  }
  int joins() { return host.calls("udp.join"); }
  keel::FakeHost host;
};

const char* const kLoopback =
    "mqtt.sn.port = 127.0.0.1:1884\nmqtt.sn.broadcast_address = [\"127.255.255.255\"]\n";

}  // namespace

TEST_CASE("broadcast reaches every network once, or that of the address bound to") {
  const DiscoverySettings on;
  CHECK(to(on, "0.0.0.0:1884") == "10.0.0.255:1884 192.168.1.127:1884 ");
  CHECK(to(on, "[::]:1885") == "10.0.0.255:1885 192.168.1.127:1885 ");
  CHECK(to(on, "10.0.0.5:1884") == "10.0.0.255:1884 ");
  CHECK(to(on, "192.168.1.3:1884") == "192.168.1.127:1884 ");
  CHECK(to(on, "10.0.0.6:1884") == "");
  CHECK(to(on, "127.0.0.1:1884") == "");
  CHECK(to(on, "[::1]:1884") == "");
  CHECK(to(on, "[fd00::1]:1884") == "");
  CHECK(to({.broadcast = false}, "0.0.0.0:1884") == "");
}

TEST_CASE("addresses that are named take the place of the interfaces'") {
  const DiscoverySettings named{.instead = {address("127.255.255.255"), address("10.9.9.255")}};
  CHECK(to(named, "0.0.0.0:1884") == "127.255.255.255:1884 10.9.9.255:1884 ");
  CHECK(to(named, "127.0.0.1:1884") == "127.255.255.255:1884 10.9.9.255:1884 ");
  CHECK(to(named, "[::1]:1884") == "");
  DiscoverySettings off = named;
  off.broadcast = false;
  CHECK(to(off, "0.0.0.0:1884") == "");
}

TEST_CASE("a group is reached from sockets of its kind, beside broadcast or alone") {
  DiscoverySettings group{.multicast = address("224.0.1.187")};
  CHECK(to(group, "10.0.0.5:1884") == "10.0.0.255:1884 224.0.1.187:1884 ");
  group.broadcast = false;
  CHECK(to(group, "0.0.0.0:1884") == "224.0.1.187:1884 ");
  CHECK(to(group, "127.0.0.1:1884") == "224.0.1.187:1884 ");
  CHECK(to(group, "[::]:1884") == "224.0.1.187:1884 ");
  CHECK(to(group, "[::1]:1884") == "");
  group.multicast = address("ff02::fd%2");
  CHECK(to(group, "[::]:1884") == "[ff02::fd%2]:1884 ");
  CHECK(to(group, "[fd00::1]:1884") == "[ff02::fd%2]:1884 ");
  CHECK(to(group, "0.0.0.0:1884") == "");
}

TEST_CASE("why nothing is advertised is said unless it is wanted so") {
  const DiscoverySettings on;
  CHECK(sn::why_nowhere(on, address("127.0.0.1:1")).starts_with("bound to loopback"));
  CHECK(sn::why_nowhere(on, address("[::1]:1")).starts_with("bound to loopback"));
  CHECK(sn::why_nowhere(on, address("[fd00::1]:1")).starts_with("IPv6 has no broadcast"));
  CHECK(sn::why_nowhere(on, address("10.0.0.6:1")).starts_with("no interface"));
  CHECK(sn::why_nowhere({.period_s = 0}, address("127.0.0.1:1")) == "");
  CHECK(sn::why_nowhere({.broadcast = false}, address("127.0.0.1:1")) == "");
}

TEST_CASE("the system's interfaces have no loopback among them") {
  for (const sn::Interface& each : sn::broadcast_interfaces()) {
    CAPTURE(each.address.text());
    CHECK(each.address.family() == KEEL_ADDR_IP4);
    CHECK(each.broadcast.family() == KEEL_ADDR_IP4);
    CHECK_FALSE(each.address.is_loopback());
  }
}

TEST_CASE("ADVERTISE is sent at the start and every period, and says when the next one comes") {
  Broker broker(
      keel::concat(kLoopback, "mqtt.sn.advertise_duration = 900\nmqtt.sn.gateway_id = 7\n"));
  CHECK(broker.sent() == "127.255.255.255:1884 0500070384; ");
  CHECK(Gateway::counters.advertised == 1);
  CHECK(Gateway::counters.packets_out[0] == 1);
  broker.host.advance(899'000);
  CHECK(broker.sent() == "");
  broker.host.advance(1'000);
  CHECK(broker.sent() == "127.255.255.255:1884 0500070384; ");
  broker.host.advance(900'000);
  CHECK(broker.sent() == "127.255.255.255:1884 0500070384; ");
  CHECK(Gateway::counters.advertised == 3);
}

TEST_CASE("the longest period is the longest that fits") {
  Broker broker(keel::concat(kLoopback, "mqtt.sn.advertise_duration = 65535\n"));
  CHECK(broker.sent() == "127.255.255.255:1884 050001ffff; ");
}

TEST_CASE("each plain listener is advertised with its own port, DTLS is not") {
  Broker broker(keel::concat(kLoopback,
                             "mqtt.sn.listener.1 = 127.0.0.1:1885\n"
                             "mqtt.sn.dtls.port = 127.0.0.1:8884\nmqtt.sn.dtls.psk_file = /p\n"));
  CHECK(broker.sent() == "127.255.255.255:1884 0500010384; 127.255.255.255:1885 0500010384; ");
}

TEST_CASE("0 turns it off; a group is joined all the same") {
  Broker broker(
      keel::concat(kLoopback, "mqtt.sn.advertise_duration = 0\nmqtt.sn.multicast = 224.0.1.187\n"));
  broker.host.advance(3'600'000);
  CHECK(broker.sent() == "");
  CHECK(broker.joins() == 1);
}

TEST_CASE("on loopback nothing is sent, which the log says once") {
  Broker broker("mqtt.sn.port = 127.0.0.1:1884\n");
  CHECK(broker.sent() == "");
  CHECK(broker.host.logged("sn:default is not advertised: bound to loopback"));
  broker.host.clear_log();
  broker.host.advance(900'000);
  CHECK(broker.sent() == "");
  CHECK(broker.host.log().empty());
}

TEST_CASE("a destination that cannot be reached is complained about once") {
  Broker broker(kLoopback);
  broker.host.clear_log();
  for (int i = 0; i < 2; ++i) {
    broker.host.fail_next("udp.send", KEEL_E_IO);
    broker.host.advance(900'000);
  }
  CHECK(broker.host.log().size() == 1);
  CHECK(broker.host.logged("ADVERTISE cannot be sent to 127.255.255.255:1884"));
  CHECK(Gateway::counters.advertised == 1);
  broker.host.advance(900'000);
  CHECK(Gateway::counters.advertised == 2);
  broker.host.fail_next("udp.send", KEEL_E_IO);
  broker.host.advance(900'000);
  CHECK(broker.host.log().size() == 2);
}

TEST_CASE("a group that cannot be joined is tried again, what is joined is not") {
  Broker broker("mqtt.sn.port = 127.0.0.1:1884\nmqtt.sn.multicast = 224.0.1.187\n");
  CHECK(broker.sent() == "224.0.1.187:1884 0500010384; ");
  CHECK(broker.joins() == 1);
  broker.host.advance(900'000);
  CHECK(broker.joins() == 1);

  broker.host.clear_log();
  broker.host.fail_next("udp.join", KEEL_E_IO, 2);
  CHECK(broker.host.reload({{"mqtt.sn.multicast", "224.0.1.188"}}));
  broker.host.advance(50);
  CHECK(broker.joins() == 2);
  CHECK(broker.host.logged("sn:default does not hear what is sent to 224.0.1.188"));
  broker.host.advance(900'000);
  CHECK(broker.joins() == 3);
  CHECK(broker.host.log().size() == 1);  // not said again
  broker.host.advance(900'000);
  CHECK(broker.joins() == 4);
  broker.host.advance(900'000);
  CHECK(broker.joins() == 4);
}

TEST_CASE("a group that is joined since before the upgrade is no trouble") {
  keel::FakeHost host;
  host.set_all("mqtt.sn.port = 127.0.0.1:1884\nmqtt.sn.multicast = 224.0.1.187\n");
  REQUIRE(host.load<Gateway>());
  host.advance(50);
  REQUIRE(host.upgrade<Gateway>());
  host.clear_log();
  host.advance(50);
  CHECK(host.calls("udp.join") == 2);
  CHECK(host.log().empty());
}

TEST_CASE("a reload takes effect at once") {
  Broker broker(kLoopback);
  broker.sent();
  CHECK(broker.host.reload({{"mqtt.sn.advertise_duration", "60"}}));
  broker.host.advance(50);
  CHECK(broker.sent() == "127.255.255.255:1884 050001003c; ");
  broker.host.advance(60'000);
  CHECK(broker.sent() == "127.255.255.255:1884 050001003c; ");
  CHECK(broker.host.reload({{"mqtt.sn.advertise_duration", "0"}}));
  broker.host.advance(900'000);
  CHECK(broker.sent() == "");
}
