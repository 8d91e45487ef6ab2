// broker/1: publishing from every thread, retained messages, counts.
#include <doctest/doctest.h>

#include <thread>

#include "broker_host.hpp"
#include "keel/ext/broker.h"

namespace keel::test {
namespace {

const keel_ext_broker& broker() { return tables::broker; }

keel_message_view of(std::string_view topic, std::string_view payload = "x") {
  keel_message_view view{};
  view.size = sizeof view;
  view.topic = str(topic);
  view.payload = str(payload);
  return view;
}

struct HostBrokerFixture {
  HostBrokerFixture() : slot(host.plugin("gate")) { host.run(slot); }
  keel_status publish(std::string_view topic, std::string_view payload = "x",
                      std::uint8_t retain = 0) {
    keel_message_view view = of(topic, payload);
    view.retain = retain;
    return broker().publish(slot.host(), &view);
  }
  BrokerHost host;
  Slot& slot;
  Notes notes;
};

TEST_CASE("published on any thread: hooks run, subscribers get it, a topic's order holds") {
  HostBrokerFixture f;
  MqttClient here(f.host), there(f.host);
  here.connect({.id = f.host.id_on(0)});
  there.connect({.id = f.host.id_on(1)});
  here.subscribe({.filter = "t/#"});
  there.subscribe({.filter = "t/#"});
  f.host.hook(f.slot, KEEL_HOOK_MESSAGE_PUBLISH, 0,
              OnPublish([&](const keel_message_view* message, keel_publish_answer*) {
                f.notes.add(std::string(view(message->client_id)));
                return KEEL_NEXT;
              }));
  constexpr int kMany = 600;  // more than a slice
  const auto burst = [&] {
    for (int i = 0; i < kMany; ++i) CHECK(f.publish("t/1", std::to_string(i)) == KEEL_OK);
  };
  SUBCASE("control") { burst(); }
  SUBCASE("shard") { f.host.on_shard(1, burst); }
  SUBCASE("own thread") { std::thread(burst).join(); }
  for (MqttClient* client : {&here, &there})
    for (int i = 0; i < kMany; ++i)
      CHECK(client->expect(PacketType::publish).payload == std::to_string(i));
  const Strings notes = f.notes.take();
  CHECK(notes.size() == kMany);
  CHECK(notes[0] == "$plugin/gate");
  CHECK(f.slot.quiet());
}

TEST_CASE("a message that exists is published as often as one likes") {
  HostBrokerFixture f;
  MqttClient client(f.host);
  client.connect({.id = "c"});
  client.subscribe({.filter = "t"});
  const keel_message_view view = of("t", "same");
  keel_message* made = nullptr;
  REQUIRE(tables::message.create(f.slot.host(), &view, &made) == KEEL_OK);
  CHECK(broker().publish_message(f.slot.host(), made) == KEEL_OK);
  CHECK(broker().publish_message(f.slot.host(), made) == KEEL_OK);
  tables::message.unref(f.slot.host(), made);
  CHECK(client.expect(PacketType::publish).payload == "same");
  CHECK(client.expect(PacketType::publish).payload == "same");
}

TEST_CASE("what publish refuses") {
  HostBrokerFixture f;
  CHECK(f.publish("$SYS/broker") == KEEL_E_DENIED);
  CHECK(f.publish("$SYS") == KEEL_E_DENIED);
  CHECK(f.publish("$SYSTEM") == KEEL_OK);
  CHECK(f.publish("a/#") == KEEL_E_INVAL);
  CHECK(f.publish("") == KEEL_E_INVAL);
  CHECK(broker().publish(f.slot.host(), nullptr) == KEEL_E_INVAL);
  CHECK(broker().publish_message(f.slot.host(), nullptr) == KEEL_E_INVAL);
  f.slot.set_accepting(false);
  CHECK(f.publish("t") == KEEL_E_STATE);
  f.slot.set_accepting(true);
}

TEST_CASE("what waits is bounded in bytes; it all goes out in the end") {
  HostBrokerFixture f;
  const std::string large(1'000'000, 'x');
  int taken = 0;
  f.host.on_shard(0, [&] {
    while (f.publish("t", large) == KEEL_OK) ++taken;
    CHECK(f.publish("t", large) == KEEL_E_LIMIT);
  });
  CHECK(taken == 67);
  REQUIRE(f.host.eventually([&] { return f.slot.quiet(); }));
  CHECK(f.publish("t", large) == KEEL_OK);
}

TEST_CASE("a hook that answers its own messages comes to an end") {
  HostBrokerFixture f;
  std::atomic<int> calls{0}, refused{0};
  f.host.hook(f.slot, KEEL_HOOK_MESSAGE_PUBLISH, 0,
              OnPublish([&](const keel_message_view*, keel_publish_answer*) {
                ++calls;
                const keel_status status = f.publish("t");
                if (status == KEEL_E_LIMIT) ++refused;
                return KEEL_NEXT;
              }));
  MqttClient client(f.host);
  client.connect({.id = "c"});
  CHECK(!is_error(client.publish("t")));
  REQUIRE(f.host.eventually([&] { return refused == 1 && f.slot.quiet(); }));
  CHECK(calls == static_cast<int>(PublishQueue::kMaxDepth) + 1);
}

struct Walk {
  HostBrokerFixture& fixture;
  std::size_t messages = 0, batches = 0;
  std::atomic<int> done{0}, cancelled{0};
  Strings first;

  keel_status start(const char* filter) {
    return broker().retained(
        fixture.slot.host(), str(filter),
        [](void* ctx, const keel_message_view* shown, std::uint32_t n) {
          auto& mine = *static_cast<Walk*>(ctx);
          ++mine.batches;
          mine.messages += n;
          for (std::uint32_t i = 0; i < n && mine.first.size() < 3; ++i) {
            CHECK(shown[i].retain == 1);
            mine.first.push_back(std::string(view(shown[i].topic)) + "=" +
                                 std::string(view(shown[i].payload)));
          }
        },
        [](void* ctx, std::int32_t revoked) {
          auto& mine = *static_cast<Walk*>(ctx);
          mine.cancelled += revoked;
          ++mine.done;
        },
        this);
  }
};

TEST_CASE("retained messages come in batches, then done; one can be removed") {
  HostBrokerFixture f;
  for (int i = 0; i < 200; ++i)
    CHECK(f.publish("r/" + std::to_string(1000 + i), std::to_string(i), 1) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return f.host.realm.retained.count() == 200; }));
  Walk all{f}, one{f}, none{f}, system{f};
  CHECK(all.start("r/#") == KEEL_E_STATE);  // not a shard
  f.host.on_shard(1, [&] {
    CHECK(all.start("r/#") == KEEL_OK);
    CHECK(one.start("r/1007") == KEEL_OK);
    CHECK(none.start("s/#") == KEEL_OK);
    CHECK(all.batches + all.done == 0);  // later
    for (const char* bad : {"", "a/#/b", "$share/g/t"}) CHECK(none.start(bad) == KEEL_E_INVAL);
  });
  REQUIRE(f.host.eventually([&] { return all.done + one.done + none.done == 3; }));
  CHECK(all.messages == 200);
  CHECK(all.batches > 2);
  CHECK(all.cancelled == 0);
  CHECK(all.first == Strings{"r/1000=0", "r/1001=1", "r/1002=2"});
  CHECK(one.first == Strings{"r/1007=7"});
  CHECK(none.batches == 0);

  CHECK(broker().retained_clear(f.slot.host(), str("r/1007")) == KEEL_OK);
  CHECK(broker().retained_clear(f.slot.host(), str("r/1007")) == KEEL_E_NOENT);
  CHECK(broker().retained_clear(f.slot.host(), str("$SYS/x")) == KEEL_E_DENIED);
  CHECK(f.host.realm.retained.count() == 199);
}

TEST_CASE("a walk ends once, cancelled, when the plugin goes first") {
  HostBrokerFixture f;
  for (int i = 0; i < 200; ++i) CHECK(f.publish("r/" + std::to_string(i), "x", 1) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return f.host.realm.retained.count() == 200; }));
  Walk walk{f};
  f.host.on_shard(0, [&] {
    CHECK(walk.start("#") == KEEL_OK);
    // Before the first slice can come.
    f.slot.set_accepting(false);
    f.slot.revoke(f.host.runtime->thread(0));
  });
  f.host.unload(f.slot);
  CHECK(walk.done == 1);
  CHECK(walk.cancelled == 1);
  CHECK(walk.messages == 0);
}

TEST_CASE("counts and names") {
  HostBrokerFixture f;
  MqttClient a(f.host), b(f.host);
  a.connect({.id = f.host.id_on(0)});
  b.connect({.id = f.host.id_on(1)});
  a.subscribe({.filter = "t/+"});
  b.subscribe({.filter = "t/1"});
  b.subscribe({.filter = "t/#"});
  std::uint32_t n = 99;
  CHECK(broker().match_count(f.slot.host(), str("t/1"), &n) == KEEL_E_STATE);
  f.host.on_shard(0, [&] {
    CHECK(broker().match_count(f.slot.host(), str("t/1"), &n) == KEEL_OK);
    CHECK(n == 2);
    CHECK(broker().match_count(f.slot.host(), str("u"), &n) == KEEL_OK);
    CHECK(n == 0);
    CHECK(broker().match_count(f.slot.host(), str("t/+"), &n) == KEEL_E_INVAL);
    CHECK(broker().match_count(f.slot.host(), str("t"), nullptr) == KEEL_E_INVAL);
  });
  std::string version, name;
  broker().version(f.slot.host(), sink_into(version));
  broker().node_name(f.slot.host(), sink_into(name));
  CHECK(version == "9.8.7");
  CHECK(name == "keel@test");
}

}  // namespace
}  // namespace keel::test
