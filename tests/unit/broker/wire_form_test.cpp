// What receivers get of a PUBLISH, octet by octet, whoever sent it: the wire form is their own.
#include "support.hpp"

namespace keel::kernel {
namespace {

constexpr Version kVersions[] = {Version::v31, Version::v311, Version::v5};

struct Spec {
  std::uint8_t qos = 0;
  bool retain = false, dup = false;
  std::string properties;  // as published
  std::string passed_on;   // of those, to clients of MQTT 5
  bool long_length = false;
};

// PUBLISH of "a topic" with so many octets, written by hand.
std::string packet(const Spec& spec, Version version, std::uint16_t id, std::size_t size) {
  const std::string body = wire::text("a topic") + (spec.qos ? wire::u16(id) : std::string()) +
                           wire::section(version, spec.properties) + std::string(size, 'x');
  const std::string whole =
      wire::packet(0x30u | (spec.dup ? 8u : 0u) | spec.qos * 2u | (spec.retain ? 1u : 0u), body);
  if (!spec.long_length) return whole;
  std::string longer = whole.substr(0, whole.size() - body.size());
  longer.back() = static_cast<char>(longer.back() | 0x80);
  return longer + '\0' + body;
}

// Each kind of receiver, one alone and in company.
void check(const Spec& spec, Version from, std::size_t size) {
  for (const Version to : kVersions)
    for (const std::uint8_t subscribed : {0, 1, 2})
      for (const int receivers : {1, 3}) {
        Cluster cluster;
        Client publisher(cluster, from);
        publisher.connect({.id = "publisher"});
        std::vector<std::unique_ptr<Client>> subscribers;
        for (int i = 0; i < receivers; ++i) {
          subscribers.push_back(std::make_unique<Client>(cluster, to));
          subscribers.back()->connect({.id = "subscriber" + std::to_string(i)});
          subscribers.back()->subscribe({.filter = "a topic", .qos = subscribed});
        }
        const Spec out = {.qos = std::min(spec.qos, subscribed),
                          .properties = from == Version::v5 ? spec.passed_on : ""};
        // Twice, so that the second one finds a topic that is known.
        for (const std::uint16_t id : {1, 2}) {
          publisher.send(packet(spec, from, static_cast<std::uint16_t>(id + 600), size));
          const std::string wanted = packet(out, to, id, size);
          CAPTURE(from);
          CAPTURE(to);
          CAPTURE(receivers);
          for (const auto& subscriber : subscribers)
            REQUIRE(std::exchange(subscriber->wire().received, {}) == wanted);
        }
      }
}

void check_all(const Spec& spec, Version from) {
  for (const std::size_t size : {0u, 40u, 200u, 4'095u, 4'096u, 20'000u}) check(spec, from, size);
}

TEST_CASE("wire form: every QoS and flag, from and to every version") {
  for (const Version from : kVersions)
    for (const std::uint8_t qos : {0, 1, 2}) {
      check_all({.qos = qos}, from);
      check_all({.qos = qos, .retain = true}, from);
      if (qos != 0) check_all({.qos = qos, .dup = true}, from);
    }
}

TEST_CASE("wire form: a length in more octets than it needs does not go on") {
  check_all({.qos = 1, .long_length = true}, Version::v311);
}

TEST_CASE("wire form: properties that go on, and those that are for this connection alone") {
  const std::string user =
      wire::property(Property::user_property, wire::text("name") + wire::text("value"));
  const std::string type = wire::property(Property::content_type, wire::text("text/plain"));
  const std::string alias = wire::property(Property::topic_alias, wire::u16(3));
  const std::string expiry = wire::property(Property::message_expiry, wire::u32(70));
  for (const std::uint8_t qos : {0, 1}) {
    check_all({.qos = qos, .properties = user + type, .passed_on = user + type}, Version::v5);
    check_all({.qos = qos, .properties = user + alias + type, .passed_on = user + type},
              Version::v5);
    check_all({.qos = qos, .properties = user + expiry, .passed_on = expiry + user}, Version::v5);
  }
}

TEST_CASE("wire form: an expiry that the broker sets is said") {
  Settings settings;
  settings.mqtt.max_message_expiry_s = 50;
  Cluster cluster(settings);
  Client publisher(cluster), subscriber(cluster);
  publisher.connect({.id = "publisher"});
  subscriber.connect({.id = "subscriber"});
  subscriber.subscribe({.filter = "t"});
  publisher.publish({.topic = "t", .payload = "x"});
  CHECK(subscriber.expect(PacketType::publish).number(Property::message_expiry) == 50u);
}

TEST_CASE("wire form: a packet larger than a client takes is not sent to it") {
  Cluster cluster;
  Client publisher(cluster), small(cluster), large(cluster);
  publisher.connect({.id = "publisher"});
  small.connect({.id = "small", .max_packet = 30});
  large.connect({.id = "large"});
  for (Client* const each : {&small, &large}) each->subscribe({.filter = "t", .qos = 1});
  publisher.publish({.topic = "t", .payload = std::string(40, 'x'), .qos = 1, .id = 1});
  CHECK(small.silent());
  CHECK(large.payloads() == Strings{std::string(40, 'x')});
  publisher.publish({.topic = "t", .payload = "y", .qos = 1, .id = 2});
  CHECK(small.payloads() == Strings{"y"});
}

TEST_CASE("wire form: a topic that was valid before is no licence for others") {
  Cluster cluster;
  Client publisher(cluster), subscriber(cluster);
  publisher.connect({.id = "publisher"});
  subscriber.connect({.id = "subscriber"});
  subscriber.subscribe({.filter = "#"});
  for (int i = 0; i < 3; ++i) publisher.publish({.topic = "a/b", .payload = "x"});
  CHECK(subscriber.payloads() == Strings{"x", "x", "x"});
  publisher.publish({.topic = "a/+", .payload = "x"});
  CHECK(publisher.closed());
  CHECK(subscriber.silent());
}

}  // namespace
}  // namespace keel::kernel
