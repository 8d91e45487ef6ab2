// Who is admitted while no plugin decides: anonymous clients where the listener allows them, nobody
// who presents credentials that nothing can check, no authentication method.
#include "tests/system/support/system.hpp"

namespace keel::test {

TEST_SUITE_BEGIN("auth");

TEST_CASE_TEMPLATE("credentials that nothing checks are refused", V, V31, V311, V5) {
  BrokerProcess broker;
  struct Row {
    std::optional<std::string> username, password;
  };
  const std::vector<Row> rows = {
      {"user", "secret"}, {"user", ""}, {"user", std::nullopt}, {"", ""}};
  for (const Row& row : rows) {
    Client client = broker.open(V::value);
    const Packet connack = client.connect({.client_id = "c",
                                           .version = V::value,
                                           .username = row.username,
                                           .password = row.password});
    if (V::value == Version::v5) {
      CHECK((connack.reason == 0x86 || connack.reason == 0x87));
    } else {
      CHECK((connack.reason == 0x04 || connack.reason == 0x05));
    }
    CHECK_FALSE(connack.session_present);
    client.expect_closed();
  }
  eventually([&] { return contains(broker.log(), "gives a user name or password"); },
             "the log says why");
  CHECK_FALSE(contains(broker.log(), "secret"));
}

TEST_CASE("v5: a password without a user name is legal, and refused like others") {
  BrokerProcess broker;
  Client client = broker.open(Version::v5);
  const Packet connack =
      client.connect({.client_id = "c", .version = Version::v5, .password = "token"});
  CHECK((connack.reason == 0x86 || connack.reason == 0x87));
  client.expect_closed();
}

TEST_CASE_TEMPLATE("v3: a password without a user name is malformed", V, V31, V311) {
  BrokerProcess broker;
  Client client = broker.open(V::value);
  client.send(encode(Connect{.client_id = "c", .version = V::value, .password = "token"}));
  client.expect_closed();
}

TEST_CASE_TEMPLATE("allow_anonymous = false refuses clients without credentials", V, V31, V311,
                   V5) {
  BrokerProcess broker{
      "listener.strict.bind = \"127.0.0.1:${port:strict}\"\nlistener.strict.allow_anonymous = "
      "false"};
  broker.connect("c", V::value).ping();
  Client client{broker.endpoint("strict"), V::value};
  const Packet connack = client.connect({.client_id = "c", .version = V::value});
  if (V::value == Version::v5) {
    CHECK(connack.reason == 0x87);
  } else {
    CHECK(connack.reason == 0x05);
  }
  client.expect_closed();
}

TEST_CASE("a listener beyond loopback refuses anonymous clients unless told otherwise") {
  BrokerProcess broker{
      "listener.wide.bind = \"0.0.0.0:${port:wide}\"\n"
      "listener.open.bind = \"0.0.0.0:${port:open}\"\nlistener.open.allow_anonymous = true"};
  Client refused{broker.endpoint("wide")};
  CHECK(refused.connect({.client_id = "c"}).reason == 0x05);
  Client::accepted(broker.endpoint("open"), {.client_id = "d"}).ping();
  // Both are said at start.
  CHECK(contains(broker.log(), "wide"));
  CHECK(contains(broker.log(), "anonymous"));
}

TEST_CASE("v5: an authentication method that nobody offers gets 0x8C") {
  BrokerProcess broker;
  Connect connect{.client_id = "c", .version = Version::v5};
  connect.props.str(prop::kAuthMethod, "SCRAM-SHA-1").str(prop::kAuthData, "n,,n=user");
  Client client = broker.open(Version::v5);
  CHECK(client.connect(connect).reason == 0x8C);
  client.expect_closed();
}

TEST_CASE("v5: AUTH on a connection that began without a method is a protocol error") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.send(encode_auth(0x19, Props{}.str(prop::kAuthMethod, "X")));
  const Packet packet = client.expect(Type::disconnect);
  CHECK((packet.reason == 0x82 || packet.reason == 0x8C));
  client.expect_closed();
}

TEST_CASE_TEMPLATE("v3 clients have no AUTH packet", V, V31, V311) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.send(encode_auth(0x19, Props{}.str(prop::kAuthMethod, "X")));
  client.expect_closed();
}

TEST_CASE_TEMPLATE("clients do not write the broker's own topics", V, V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", V::value);
  watcher.subscribe("$SYS/fake", 1);
  Client client = broker.connect("c", V::value);
  const Packet puback = client.publish("$SYS/fake", "x", 1);
  if (V::value == Version::v5) CHECK(puback.reason == 0x87);
  client.publish("$SYS/fake", "x", 0);
  watcher.expect_nothing_from(client);
}

TEST_CASE_TEMPLATE("acl_nomatch = deny refuses what nothing allows", V, V311, V5) {
  BrokerProcess broker{"mqtt.acl_nomatch = \"deny\""};
  Client client = broker.connect("c", V::value);
  CHECK(client.subscribe("t", 1).codes[0] == (V::value == Version::v5 ? 0x87 : 0x80));
  const Packet puback = client.publish("t", "x", 1);
  if (V::value == Version::v5) CHECK(puback.reason == 0x87);
  client.ping();
}

TEST_CASE_TEMPLATE("acl_deny_action = disconnect ends the connection", V, V311, V5) {
  BrokerProcess broker{"mqtt.acl_nomatch = \"deny\"\nmqtt.acl_deny_action = \"disconnect\""};
  Client client = broker.connect("c", V::value);
  client.send(Publish{"t", "x"});
  client.expect_ended(0x87);
}

TEST_CASE("secrets do not reach the log") {
  BrokerProcess broker{"log.level = \"debug\""};
  Client client = broker.open(Version::v5);
  client.connect(
      {.client_id = "c", .version = Version::v5, .username = "user", .password = "hunter2!"});
  client.expect_closed();
  broker.connect("d", Version::v5).ping();
  CHECK_FALSE(contains(broker.log(), "hunter2!"));
}

TEST_SUITE_END();

}  // namespace keel::test
