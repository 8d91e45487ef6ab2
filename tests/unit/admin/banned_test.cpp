// ctl banned.
#include <doctest/doctest.h>

#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using namespace keel::test;

namespace {

const std::string kTime = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)";

}  // namespace

TEST_CASE("banned: put in, listed, taken out") {
  TestNode node;
  CHECK(node.ctl({"banned", "list"}) == Output{Exit::ok, ""});
  CHECK(node.ctl({"banned", "add", "client", "meter 7"}) == Output{Exit::ok, ""});
  CHECK(node.ctl({"banned", "add", "user", "joe", "--for", "1h", "--reason", "too loud"}).code ==
        Exit::ok);
  CHECK(
      node.ctl({"banned", "add", "address", "10.1.2.3/8", "--reason", "x", "--for", "90s"}).code ==
      Exit::ok);
  const auto lines = lines_of(node.ctl({"banned", "list"}).text);
  REQUIRE(lines.size() == 3);
  CHECK(matches(lines[0], R"(Banned\(client, value=meter 7, until=never, reason=, by=ctl, at=)" +
                              kTime + R"(\))"));
  CHECK(matches(lines[1], R"(Banned\(user, value=joe, until=)" + kTime +
                              R"(, reason=too loud, by=ctl, at=)" + kTime + R"(\))"));
  CHECK(matches(lines[2], R"(Banned\(address, value=10.0.0.0/8, until=)" + kTime +
                              R"(, reason=x, by=ctl, at=)" + kTime + R"(\))"));
  CHECK(node.ctl({"banned", "del", "address", "10.0.0.0/8"}) == Output{Exit::ok, ""});
  CHECK(node.ctl({"banned", "del", "address", "10.0.0.0/8"}) ==
        Output{Exit::error, "Not Found.\n"});
  CHECK(node.ctl({"banned", "del", "client", "joe"}).code == Exit::error);
  CHECK(node.ctl({"banned", "del", "user", "joe"}).code == Exit::ok);
  CHECK(lines_of(node.ctl({"banned", "list"}).text).size() == 1);
}

TEST_CASE("banned: the words of EMQ X") {
  TestNode node;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"clientid", "c"},
                                                {"username", "u"},
                                                {"peerhost", "10.0.0.1"},
                                                {"ipaddress", "::1"}}) {
    CHECK(node.ctl({"banned", "add", words[0], words[1]}).code == Exit::ok);
  }
  CHECK(lines_of(node.ctl({"banned", "list"}).text).size() == 4);
  CHECK(node.ctl({"banned", "del", "peerhost", "::ffff:10.0.0.1"}).code == Exit::ok);
  CHECK(node.ctl({"banned", "del", "client", "c"}).code == Exit::ok);
}

TEST_CASE("banned: as JSON") {
  TestNode node;
  CHECK(node.ctl({"--json", "banned", "add", "client", "a\"b\n"}).text == "{\"result\":\"ok\"}\n");
  const std::string list = node.ctl({"--json", "banned", "list"}).text;
  CHECK(contains(list,
                 R"({"kind":"client","value":"a\"b\n","until":null,"reason":"","by":"ctl","at":)"));
  node.ctl({"banned", "del", "client", "a\"b\n"});
  CHECK(lines_of(node.ctl({"--json", "banned", "list"}).text) == std::vector<std::string>{"[]"});
}

TEST_CASE("banned: what stands in names stays on one line") {
  TestNode node;
  node.ctl({"banned", "add", "client", "two\nlines", "--reason", "also\ntwo"});
  const auto lines = lines_of(node.ctl({"banned", "list"}).text);
  REQUIRE(lines.size() == 1);
  CHECK(contains(lines[0], R"(two\x0alines)"));
}

TEST_CASE("banned: wrong words") {
  TestNode node;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"banned"},
                                                {"banned", "add"},
                                                {"banned", "add", "client"},
                                                {"banned", "add", "planet", "mars"},
                                                {"banned", "list", "x"},
                                                {"banned", "del", "client"},
                                                {"banned", "del", "client", "c", "x"},
                                                {"banned", "add", "client", "c", "--for"},
                                                {"banned", "add", "client", "c", "--until", "1h"},
                                                {"banned", "add", "client", "c", "x"}}) {
    CHECK(node.ctl(words).code == Exit::usage);
  }
  const std::vector<std::string> refused[] = {
      {"banned", "add", "client", ""},
      {"banned", "add", "address", "example.com"},
      {"banned", "add", "address", "10.0.0.0/33"},
      {"banned", "del", "address", "10.0.0.0/33"},
      {"banned", "add", "client", "c", "--for", "soon"},
      {"banned", "add", "client", "c", "--for", "10ms"},
      {"banned", "add", "client", "c", "--for", "99999w"},
  };
  for (const auto& words : refused) {
    const Output out = node.ctl(words);
    CHECK(out.code == Exit::error);
    CHECK_FALSE(out.text.empty());
  }
  CHECK(node.ctl({"banned", "list"}).text.empty());
}

TEST_CASE("banned: in force on every shard when the command returns") {
  TestNode node(3);
  node.ctl({"banned", "add", "user", "u"});
  for (std::uint32_t i = 0; i < 3; ++i)
    node.on_shard(i, [](Broker& broker) {
      REQUIRE(broker.shard().bans());
      CHECK(broker.shard().bans()->has_user("u"));
    });
}

TEST_CASE("banned: a client that is connected has gone when the command returns") {
  TestNode node;
  const Socket client = node.connect("c");
  CHECK(node.ctl({"banned", "add", "client", "c"}).code == Exit::ok);
  CHECK(node.ctl({"clients", "show", "c"}).code == Exit::error);
  CHECK(client.read(1).empty());
}
