// Clients that come and go without end are banned for a while.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kFlapping =
    "[flapping]\nenabled = true\nmax_disconnects = 3\nwindow = \"1h\"\nban_for = \"1h\"\n";

}  // namespace

TEST_SUITE_BEGIN("flapping");

TEST_CASE_TEMPLATE("a client that comes and goes is banned, others are not", V, V31, V311, V5) {
  BrokerProcess broker(kFlapping);
  for (int i = 0; i < 4; ++i) broker.connect("c", V::value).disconnect();
  for (int i = 0; i < 2; ++i) broker.connect("d", V::value).disconnect();
  eventually([&] { return contains(broker.ctl_ok({"banned", "list"}), "value=c"); }, "the ban");
  const std::string list = broker.ctl_ok({"banned", "list"});
  CHECK(contains(list, "by=flapping"));
  CHECK(contains(list, "reason=more than 3 disconnects within 3600 s, the last from 127.0.0.1"));
  CHECK_FALSE(contains(list, "value=d"));
  Client client = broker.open(V::value);
  const Packet connack = client.connect({.client_id = "c", .version = V::value});
  CHECK(connack.reason == (V::value == Version::v5 ? 0x8A : 0x05));
  broker.connect("d", V::value).ping();
  CHECK(contains(broker.log(), "client=c peer=127.0.0.1"));
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}), "keel_flapping_bans_total 1\n"));
  broker.ctl_ok({"banned", "del", "client", "c"});
  broker.connect("c", V::value).ping();
}

TEST_CASE("the ban is on the disk soon after, and over after its time") {
  BrokerProcess broker(
      "[flapping]\nenabled = true\nmax_disconnects = 1\nwindow = \"1h\"\nban_for = \"2s\"\n");
  for (int i = 0; i < 2; ++i) broker.connect("c", Version::v5).disconnect();
  eventually([&] { return contains(read_file(broker.data_dir() / "banned"), "\"c\""); },
             "the ban in the file");
  eventually(
      [&] {
        Client client = broker.open(Version::v5);
        return client.connect({.client_id = "c", .version = Version::v5}).reason == 0;
      },
      "the ban is over");
}

TEST_CASE("off unless it is turned on, and turned on by a reload") {
  BrokerProcess broker;
  for (int i = 0; i < 30; ++i) broker.connect("c", Version::v311).disconnect();
  CHECK(broker.ctl_ok({"banned", "list"}).empty());
  broker.write_settings(kFlapping);
  broker.ctl_ok({"conf", "reload"});
  for (int i = 0; i < 4; ++i) broker.connect("c", Version::v311).disconnect();
  eventually([&] { return contains(broker.ctl_ok({"banned", "list"}), "value=c"); }, "the ban");
}

TEST_SUITE_END();

}  // namespace keel::test
