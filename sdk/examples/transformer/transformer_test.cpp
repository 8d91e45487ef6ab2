#include <doctest/doctest.h>

#include <keel/fake.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

TEST_CASE("payloads below the prefix are changed, the rest of the message is not") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  const keel::FakeMessage message{"shout/a", "hi you", 1, true, "c", "u", 60, {{"k", "v"}}};
  const keel::FakeMessage out = host.publish(message).message;
  CHECK(out.payload == "HI YOU");
  CHECK(out.topic == "shout/a");
  CHECK(out.qos == 1);
  CHECK(out.retain);
  CHECK(out.user_properties == message.user_properties);
  CHECK(host.publish({"quiet/a", "hi"}).message.payload == "hi");
  CHECK(host.publish({"shout/a", std::string(70'000, 'x')}).message.payload[0] == 'x');
}

TEST_CASE("new settings take effect at once, with one hook in the chain") {
  keel::FakeHost host;
  REQUIRE(host.load(keel_plugin_entry_v1));
  REQUIRE(host.reload({{"transformer.prefix", "loud/"}}));
  CHECK(host.publish({"loud/a", "hi"}).message.payload == "HI");
  CHECK(host.publish({"shout/a", "hi"}).message.payload == "hi");
  CHECK(host.handles("hook") == 1);
  CHECK(host.unload());
}
