// The plugin that is the store, as operators meet it: when it may come and go, and what becomes of
// sessions and of other plugins' keys. The store is one of the zoo, in memory with a file.
#include <doctest/doctest.h>

#include "tests/system/support/plugins.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

std::string zoo_file(const std::string& name) { return (zoo_dir() / (name + ".so")).string(); }

// The answer of a command that fails.
std::string fails(BrokerProcess& broker, const std::vector<std::string>& command,
                  At at = At::current()) {
  const Outcome outcome = broker.ctl(command);
  INFO(where(at), ": ", said(outcome));
  CHECK(outcome.exit == 1);
  CHECK(broker.running());
  return said(outcome);
}

Connect kept(const std::string& client_id) {
  return {.client_id = client_id, .version = Version::v311, .clean = false};
}

// A session that stays, with a subscription to `t`.
void subscribe_and_leave(BrokerProcess& broker, const std::string& client_id) {
  Client client = broker.connect(kept(client_id));
  client.subscribe_to({{"t", 1}});
  client.disconnect();
  broker.await_gone(client_id);
}

// What waits for it at its return.
void takes(BrokerProcess& broker, const std::string& client_id,
           const std::vector<std::string>& payloads) {
  Client client = broker.connect(kept(client_id));
  for (const std::string& payload : payloads) client.take("t", payload, 1);
  client.disconnect();
  broker.await_gone(client_id);
}

void publishes(BrokerProcess& broker, const std::string& payload) {
  Client client = broker.connect("publisher", Version::v311);
  client.publish("t", payload, 1, false);
  client.disconnect();
  broker.await_gone("publisher");
}

}  // namespace

TEST_SUITE_BEGIN("store");

TEST_CASE("one store is enough") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  const std::string text = fails(broker, {"plugins", "load", "second_store"});
  CHECK(contains(text, "load plugin error: exists: the plugin 'memory_store' is the store"));
  CHECK(contains(text, "`ctl plugins unload memory_store` first"));
  CHECK_FALSE(is_mapped(broker, "second_store"));
  broker.ctl_ok({"plugins", "unload", "memory_store"});
  broker.ctl_ok({"plugins", "load", "second_store"});
}

TEST_CASE("a store whose table has a hole is refused") {
  BrokerProcess broker(zoo_settings());
  CHECK(contains(fails(broker, {"plugins", "load", "half_store"}),
                 "load plugin error: bad_entry: its table keel.plugin.store/1 lacks info"));
  CHECK_FALSE(is_mapped(broker, "half_store"));
}

TEST_CASE("a store that cannot say how far it is is unloaded again") {
  BrokerProcess broker(zoo_settings());
  const std::string text = fails(broker, {"plugins", "load", "closed_store"});
  CHECK(contains(text, "load plugin error: store_failed: info() of the store"));
  CHECK_FALSE(is_mapped(broker, "closed_store"));
  broker.ctl_ok({"plugins", "load", "memory_store"});
}

TEST_CASE("a store nobody depends on comes and goes") {
  BrokerProcess broker(zoo_settings());
  for (int i = 0; i < 20; ++i) {
    broker.ctl_ok({"plugins", "load", "memory_store"});
    CHECK(contains(broker.ctl_ok({"plugins", "unload", "memory_store"}), "unmapped"));
  }
}

TEST_CASE("unloading is refused while sessions depend on it, and names them") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  subscribe_and_leave(broker, "meter-1");
  std::string text = fails(broker, {"plugins", "unload", "memory_store"});
  CHECK(contains(text,
                 "unload plugin error: in_use: 1 session keeps its state in it (meter-1); "
                 "`ctl plugins unload memory_store --now` keeps them in memory only, where a "
                 "restart loses them"));
  for (const char* id : {"meter-2", "meter-3", "meter-4", "meter-5"})
    subscribe_and_leave(broker, id);
  text = fails(broker, {"plugins", "unload", "memory_store"});
  CHECK(contains(text, "5 sessions keep their state in it (meter-"));
  CHECK(contains(text, ", ...)"));
  CHECK(is_mapped(broker, "memory_store"));
  publishes(broker, "one");
  takes(broker, "meter-1", {"one"});
}

TEST_CASE("--now lets sessions go on in memory") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  subscribe_and_leave(broker, "meter");
  publishes(broker, "one");
  broker.ctl_ok({"plugins", "unload", "memory_store", "--now"});
  CHECK_FALSE(is_mapped(broker, "memory_store"));
  publishes(broker, "two");
  takes(broker, "meter", {"one", "two"});
}

TEST_CASE("sessions and keys are there again after a restart; the store is loaded first") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "kv_user"});
  CHECK(contains(fails(broker, {"kv", "put", "k", "v"}), "kv.put: no store is loaded"));
  broker.ctl_ok({"plugins", "load", "memory_store"});
  CHECK(broker.ctl_ok({"kv", "put", "b", "2"}) == "safe\n");
  CHECK(broker.ctl_ok({"kv", "put", "a", "1"}) == "safe\n");
  CHECK(broker.ctl_ok({"kv", "put", "c", "3"}) == "safe\n");
  CHECK(broker.ctl_ok({"kv", "erase", "b"}) == "safe\n");
  CHECK(broker.ctl_ok({"kv", "list"}) == "a=1\nc=3\n");
  subscribe_and_leave(broker, "meter");
  publishes(broker, "one");
  CHECK(broker.stop() == 0);
  broker.start();
  CHECK(broker.ctl_ok({"kv", "found"}) == "a c \n");
  takes(broker, "meter", {"one"});
  CHECK(broker.ctl_ok({"kv", "list", "c"}) == "c=3\n");
}

TEST_CASE("a new version takes over what was not written") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  broker.ctl_ok({"plugins", "load", "kv_user"});
  subscribe_and_leave(broker, "meter");
  publishes(broker, "one");
  broker.ctl_ok({"memory-store", "hold"});
  Client publisher = broker.connect("waiting", Version::v311);
  publisher.send(Publish{.topic = "t", .payload = "two", .qos = 1, .id = 7});
  publisher.expect_nothing();
  const std::string text =
      broker.ctl_ok({"plugins", "upgrade", "memory_store", zoo_file("memory_store_next")});
  CHECK(contains(text, "version 1.0.0 -> 2.0.0, old version unmapped"));
  CHECK(publisher.expect(Type::puback).id == 7);
  publisher.disconnect();
  takes(broker, "meter", {"one", "two"});
  CHECK(broker.ctl_ok({"kv", "put", "k", "v"}) == "safe\n");
  CHECK(contains(fails(broker, {"plugins", "unload", "memory_store"}), "in_use"));
}

TEST_CASE("when a new version cannot start the old one goes on") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  subscribe_and_leave(broker, "meter");
  publishes(broker, "one");
  CHECK(contains(
      fails(broker, {"plugins", "upgrade", "memory_store", zoo_file("memory_store_fails")}),
      "start_failed"));
  publishes(broker, "two");
  takes(broker, "meter", {"one", "two"});
}

TEST_CASE("a store is not replaced by something else") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  const std::string text =
      fails(broker, {"plugins", "upgrade", "memory_store", zoo_file("memory_store_plain")});
  CHECK(contains(text, "other_kind: one of the two versions is a store"));
  CHECK(contains(text, "the running version goes on"));
  subscribe_and_leave(broker, "meter");
  publishes(broker, "one");
  takes(broker, "meter", {"one"});
}

TEST_CASE("a store that never commits holds up what has to be durable, and nothing else") {
  BrokerProcess broker(zoo_settings() + "stop_timeout = \"1s\"\n");
  subscribe_and_leave(broker, "meter");
  broker.ctl_ok({"plugins", "load", "silent_store"});
  broker.ctl_ok({"plugins", "load", "kv_user"});
  Client publisher = broker.connect("publisher", Version::v311);
  publisher.send(Publish{.topic = "t", .payload = "one", .qos = 1, .id = 7});
  Client other = broker.connect("other", Version::v311);
  other.publish("elsewhere", "x", 1, false);
  publisher.expect_nothing();
  CHECK(contains(fails(broker, {"plugins", "unload", "silent_store"}), "in_use"));
  broker.ctl_ok({"memory-store", "go"});
  CHECK(publisher.expect(Type::puback).id == 7);
  broker.ctl_ok({"memory-store", "hold"});
  publisher.send(Publish{.topic = "t", .payload = "two", .qos = 1, .id = 8});
  publisher.expect_nothing();
  // The broker ends all the same.
  CHECK(broker.stop() == 0);
  CHECK(contains(broker.log(), "has not written everything within 1000 ms"));
  broker.start();
}

TEST_CASE("a store that throws a batch away gets no more, until it is replaced") {
  BrokerProcess broker(zoo_settings());
  broker.ctl_ok({"plugins", "load", "memory_store"});
  subscribe_and_leave(broker, "meter");
  broker.ctl_ok({"memory-store", "throw"});
  Client publisher = broker.connect("publisher", Version::v311);
  publisher.send(Publish{.topic = "t", .payload = "one", .qos = 1, .id = 7});
  publisher.expect_nothing();
  eventually([&] { return contains(broker.log(), "the store did not take batch"); },
             "the log says so");
  broker.ctl_ok({"plugins", "upgrade", "memory_store", zoo_file("memory_store_next")});
  CHECK(publisher.expect(Type::puback).id == 7);
  publisher.disconnect();
  takes(broker, "meter", {"one"});
}

TEST_SUITE_END();

}  // namespace keel::test
