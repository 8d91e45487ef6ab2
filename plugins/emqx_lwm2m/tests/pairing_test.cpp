// Commands that come twice, to the device's session and to the stand-in's, around the coming and
// going of devices.
#include "gateway_fixture.hpp"

using namespace gateway_test;

namespace {

const std::string kRead = R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})";

}  // namespace

// The two copies of a command, to the device's session and to the stand-in's, come in any order.
TEST_CASE("commands around a deregistration have one answer each") {
  Gateway g;
  const std::string command = "lwm2m/c1/command";
  SUBCASE("the device's copy is lost with its session") {
    const std::string location = g.join("c1");
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    CHECK(g.published("emqx_lwm2m").empty());
    g.say("CON DELETE #1 /rd /" + location);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
  }
  SUBCASE("the stand-in's copy comes when the device has answered and left") {
    const std::string location = g.join("c1");
    g.command("c1", R"({"reqID":1,"msgType":"read","data":{"path":"/x"}})");
    CHECK(contains(g.published("c1"), "bad_path"));
    g.say("CON DELETE #1 /rd /" + location);
    g.host.deliver("emqx_lwm2m",
                   {command, R"({"reqID":1,"msgType":"read","data":{"path":"/x"}})", 0});
    CHECK(g.published("emqx_lwm2m").empty());
  }
  SUBCASE("a command that is sent again is another one") {
    const std::string location = g.join("c1");
    g.command("c1", kRead);
    g.say("CON DELETE #1 /rd /" + location);
    for (int i = 0; i < 3; ++i) g.host.deliver("emqx_lwm2m", {command, kRead, 0});
    const std::string said = g.published("emqx_lwm2m");
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);  // two of the three
  }
  SUBCASE("both have come") {
    const std::string location = g.join("c1");
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    g.command("c1", kRead);
    g.say("CON DELETE #1 /rd /" + location);
    CHECK(g.published("emqx_lwm2m").empty());
  }
  SUBCASE("a device that had just come did not hear it") {
    g.join("c1");
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    CHECK(g.published("emqx_lwm2m").empty());
    g.host.advance(6'000);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
    CHECK(g.host.messages_held() == 0);
  }
  SUBCASE("a device that has had to ask for another session did not hear it") {
    g.join("c1");
    g.host.advance(20'000);
    g.host.session_end("c1", 0x8b, "server shutting down");
    g.host.advance(6'000);
    REQUIRE(g.is_open("c1"));
    g.published("c1");
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    g.host.advance(6'000);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
  }
  SUBCASE("a device that does not hear its commands does not let them wait for ever") {
    const std::string location = g.join("c1");
    g.host.advance(11'000);
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    CHECK(g.host.messages_held() == 1);
    g.host.advance(6'000);
    CHECK(g.host.messages_held() == 0);
    g.say("CON DELETE #1 /rd /" + location);
    CHECK(g.published("emqx_lwm2m").empty());
  }
}

// The new version goes on with what the old one knew of the two copies.
TEST_CASE("commands around an upgrade have one answer each") {
  Gateway g;
  const std::string command = "lwm2m/c1/command";
  const std::string broken = R"({"reqID":1,"msgType":"read","data":{"path":"/x"}})";
  SUBCASE("a device that had just come did not hear it") {
    g.join("c1");
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    CHECK(g.host.messages_held() == 1);
    g.host.advance(6'000);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
  }
  SUBCASE("nor one whose session the new version had to ask for") {
    g.join("c1");
    g.host.advance(20'000);
    g.host.fail_next("session.attach", KEEL_E_STALE, 2);  // the stand-in's, too
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.host.advance(6'000);
    REQUIRE(g.is_open("c1"));
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    g.host.advance(6'000);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
  }
  SUBCASE("the device's copy comes to the new version") {
    g.join("c1");
    g.host.deliver("emqx_lwm2m", {command, broken, 1});
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.command("c1", broken);
    CHECK(contains(g.published("c1"), "bad_path"));
    CHECK(g.host.messages_held() == 0);
    g.host.advance(6'000);
    CHECK(g.published("emqx_lwm2m").empty());
  }
  SUBCASE("the stand-in's copy comes to the new version") {
    g.join("c1");
    g.command("c1", broken);
    CHECK(contains(g.published("c1"), "bad_path"));
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.host.deliver("emqx_lwm2m", {command, broken, 1});
    g.host.advance(6'000);
    CHECK(g.published("emqx_lwm2m").empty());
  }
  SUBCASE("the old version could not say it any more") {
    g.host.fail_next("session.publish", KEEL_E_STATE);
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    CHECK(g.published("emqx_lwm2m").empty());
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.host.advance(200);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
    g.join("c1");
    g.published("c1");
    g.host.fail_next("session.publish", KEEL_E_STATE);
    g.command("c1", broken);
    CHECK(g.published("c1").empty());
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.host.advance(200);
    CHECK(contains(g.published("c1"), "bad_path"));
  }
  SUBCASE("the device leaves the new version without having heard it") {
    const std::string location = g.join("c1");
    g.host.deliver("emqx_lwm2m", {command, kRead, 1});
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.say("CON DELETE #1 /rd /" + location);
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
    g.host.advance(6'000);
    CHECK(g.published("emqx_lwm2m").empty());
  }
  CHECK(g.host.messages_held() == 0);
}

TEST_CASE("commands that wait for the device's copy are bounded by their octets") {
  Gateway g;
  const keel::FakeMessage big{"lwm2m/c1/command", std::string(1 << 20, 'x'), 0};
  for (int round = 0; round < 2; ++round) {
    const std::string location = g.join("c1");
    for (int i = 0; i < 70; ++i) g.host.deliver("emqx_lwm2m", big);
    CHECK(g.host.messages_held() == 64);
    g.say("CON DELETE #" + std::to_string(1 + round) + " /rd /" + location);
    g.host.advance(200);  // the mail between shards is let go of with the next turn
    CHECK(g.host.messages_held() == 0);
  }
}
