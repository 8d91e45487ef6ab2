#include "kernel/admin/sys_publisher.hpp"

#include <doctest/doctest.h>

#include <map>
#include <regex>

#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using namespace keel::test;

namespace {

std::map<std::string, SysMessage> by_topic(std::vector<SysMessage> messages) {
  std::map<std::string, SysMessage> out;
  for (SysMessage& message : messages) {
    const std::string topic = message.topic;
    CHECK(out.emplace(topic, std::move(message)).second);  // none twice
  }
  return out;
}

}  // namespace

TEST_CASE("both trees carry what their users look for") {
  TestNode node;
  const Socket client = node.connect("c"), gone = node.connect("d", false);
  node.subscribe(client, "a/#", 0);
  auto all = by_topic(node.admin.sys().interval_messages(node.started_unix_s() + 42));

  CHECK(all.at("$SYS/broker/version").payload == "keel version 9.8.7");
  CHECK(all.at("$SYS/broker/uptime").payload == "42 seconds");
  CHECK(all.at("$SYS/broker/clients/connected").payload == "2");
  CHECK(all.at("$SYS/broker/clients/total").payload == "2");
  CHECK(all.at("$SYS/broker/clients/disconnected").payload == "0");
  CHECK(all.at("$SYS/broker/clients/maximum").payload == "2");
  CHECK(all.at("$SYS/broker/subscriptions/count").payload == "1");
  CHECK(all.at("$SYS/broker/metrics/packets/connect/received").payload == "2");
  for (const char* name :
       {"clients/expired", "messages/received", "messages/sent", "messages/stored",
        "retained messages/count", "bytes/received", "bytes/sent", "publish/messages/received",
        "publish/messages/sent", "publish/messages/dropped", "store/messages/count",
        "store/messages/bytes", "heap/current", "metrics/packets/received"}) {
    CAPTURE(name);
    CHECK(std::regex_match(all.at("$SYS/broker/" + std::string(name)).payload, std::regex("\\d+")));
  }
  for (const char* load :
       {"messages/received", "messages/sent", "publish/received", "publish/sent", "publish/dropped",
        "bytes/received", "bytes/sent", "connections", "sockets"}) {
    for (const char* span : {"1min", "5min", "15min"}) {
      const std::string topic = "$SYS/broker/load/" + std::string(load) + "/" + span;
      CAPTURE(topic);
      CHECK(std::regex_match(all.at(topic).payload, std::regex(R"(\d+\.\d\d)")));
    }
  }
  CHECK(all.at("$SYS/brokers").payload == "keel@test");
  CHECK(all.at("$SYS/brokers/keel@test/version").payload == "9.8.7");
  CHECK(all.at("$SYS/brokers/keel@test/stats/connections/count").payload == "2");
  CHECK(all.at("$SYS/brokers/keel@test/stats/retained/max").payload == "0");
  CHECK(all.at("$SYS/brokers/keel@test/metrics/packets/connect/received").payload == "2");
  for (const auto& [topic, message] : all) {
    const std::string& name = topic;  // Clang captures no structured bindings
    CAPTURE(name);
    const bool retained = topic.starts_with("$SYS/broker/") || topic == "$SYS/brokers" ||
                          topic.ends_with("keel@test/version") || topic.ends_with("/sysdescr");
    CHECK(message.retain == retained);
  }
}

TEST_CASE("the heartbeat tells uptime and time, not retained") {
  TestNode node;
  const auto beat = by_topic(node.admin.sys().heartbeat_messages(node.started_unix_s() + 61));
  REQUIRE(beat.size() == 2);
  CHECK(beat.at("$SYS/brokers/keel@test/uptime").payload == "1 minutes, 1 seconds");
  CHECK_FALSE(beat.at("$SYS/brokers/keel@test/uptime").retain);
  CHECK(beat.count("$SYS/brokers/keel@test/datetime") == 1);
}

TEST_CASE("a late subscriber gets $SYS/broker at once") {
  TestNode node;
  node.admin.sys().publish_interval();
  node.on_shard(0, [](Broker&) {});  // everything posted before has run
  const Socket client = node.connect("late");
  node.subscribe(client, "$SYS/broker/version", 0);
  const std::string topic = "$SYS/broker/version", payload = "keel version 9.8.7";
  const std::string packet = client.read(4 + topic.size() + payload.size());
  CHECK(packet.ends_with(topic + payload));
  CHECK(packet[0] == '\x31');
}

TEST_CASE("an interval of 0 turns everything off") {
  Settings settings;
  settings.sys.interval_ms = 0;
  TestNode node(1, settings);
  node.admin.sys().publish_interval();
  node.admin.sys().publish_heartbeat();
  node.on_shard(0, [](Broker&) {});
  CHECK(node.realm.retained.count() == 0);
  CHECK(node.realm.sys_retained.count() == 0);
}
