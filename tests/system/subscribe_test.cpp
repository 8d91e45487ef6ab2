// SUBSCRIBE and UNSUBSCRIBE: matching, options, identifiers, overlapping filters, reason codes.
#include <algorithm>

#include "tests/system/support/system.hpp"

namespace keel::test {

TEST_SUITE_BEGIN("subscribe");

TEST_CASE_TEMPLATE("filters match as the table says", V, V31, V311, V5) {
  BrokerProcess broker;
  struct Row {
    std::string filter;
    std::vector<const char*> yes, no;
  };
  const std::vector<Row> rows = {
      {"a/b", {"a/b"}, {"a", "a/b/c", "a/", "/a/b", "a/B"}},
      {"a/+", {"a/b", "a/"}, {"a", "a/b/c", "b/a"}},
      {"+", {"a", "b"}, {"/", "a/b", "/a", "$x"}},
      {"+/+", {"a/b", "/", "/a", "a/"}, {"a", "a/b/c", "$x/y"}},
      {"/+", {"/a", "/"}, {"a", "/a/b"}},
      {"+/b", {"a/b", "/b"}, {"b", "a/b/c", "$a/b"}},
      {"a/+/c", {"a/b/c", "a//c"}, {"a/b/c/d", "a/c", "a/b/d"}},
      {"#", {"a", "a/b", "/", "a/b/c/d"}, {"$x", "$x/y"}},
      {"a/#", {"a", "a/", "a/b", "a/b/c"}, {"b", "ab", "/a"}},
      {"a/b/#", {"a/b", "a/b/c"}, {"a", "a/c"}},
      {"+/#", {"a", "a/b", "/"}, {"$x", "$x/y"}},
      {"+/b/#", {"a/b", "/b/c"}, {"a", "a/c", "$a/b"}},
      {"/#", {"/", "/a", "/a/b"}, {"a"}},
      {"$x/#", {"$x", "$x/y"}, {"x", "a"}},
      {"$x/+", {"$x/y"}, {"$x", "x/y"}},
      {"+/+/+", {"a/b/c", "//"}, {"a/b", "a/b/c/d"}},
  };
  Client subscriber = broker.connect("s", V::value);
  Client publisher = broker.connect("p", V::value);
  for (const Row& row : rows) {
    CAPTURE(row.filter);
    CHECK(subscriber.subscribe(row.filter, 0).codes[0] == 0);
    for (const std::string topic : row.no) publisher.publish(topic, "no");
    for (const std::string topic : row.yes) publisher.publish(topic, "yes");
    for (const std::string topic : row.yes) subscriber.take(topic, "yes");
    subscriber.unsubscribe({row.filter});
    subscriber.expect_nothing_from(publisher);
  }
}

TEST_CASE_TEMPLATE("invalid filters are refused one by one", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  const Packet suback = client.subscribe_to(
      {{"ok/1", 1}, {"a/#/b", 1}, {"a+", 1}, {"#a", 1}, {"a/b#", 1}, {"+a/b", 1}, {"ok/2", 2}});
  const std::uint8_t refused = V::value == Version::v5 ? 0x8F : 0x80;
  const std::vector<std::uint8_t> expected = {1, refused, refused, refused, refused, refused, 2};
  CHECK((suback.codes == expected));
  client.publish("ok/1", "x", 2);
  client.take("ok/1", "x", 1);
  client.publish("ok/2", "x", 2);
  client.take("ok/2", "x", 2);
}

TEST_CASE_TEMPLATE("SUBSCRIBE without a filter and UNSUBSCRIBE without one end the connection", V,
                   V31, V311, V5) {
  BrokerProcess broker;
  Client subscribes = broker.connect("a", V::value);
  subscribes.send(encode_subscribe(V::value, 1, {}));
  subscribes.expect_ended(0x82);
  Client unsubscribes = broker.connect("b", V::value);
  unsubscribes.send(encode_unsubscribe(V::value, 1, {}));
  unsubscribes.expect_ended(0x82);
}

TEST_CASE_TEMPLATE("a repeated subscription replaces the first", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("t", 2);
  client.subscribe("t", 0);
  client.publish("t", "x", 2);
  client.take("t", "x", 0);
  client.expect_nothing();
}

TEST_CASE_TEMPLATE("unsubscribing stops the flow; unknown filters are told apart", V, V31, V311,
                   V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("a/+", 1);
  client.subscribe("b", 1);
  const Packet unsuback = client.unsubscribe({"a/+", "never/was", "b/#"});
  if (V::value == Version::v5) {
    const std::vector<std::uint8_t> expected = {0x00, 0x11, 0x11};
    CHECK((unsuback.codes == expected));
  }
  client.publish("a/x", "gone");
  client.publish("b", "still", 1);
  client.take("b", "still", 1);
}

TEST_CASE_TEMPLATE("overlapping filters deliver one copy at the highest QoS", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe_to({{"a/b", 0}, {"a/+", 2}, {"#", 1}, {"a/#", 0}});
  for (std::uint8_t qos = 0; qos < 3; ++qos) {
    client.publish("a/b", "x", qos);
    client.take("a/b", "x", qos);
    client.expect_nothing();
  }
}

TEST_CASE("v5: an overlapping delivery carries every subscription identifier") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.subscribe_to({{"a/b", 1}}, Props{}.num(prop::kSubscriptionId, 1));
  client.subscribe_to({{"a/+", 1}}, Props{}.num(prop::kSubscriptionId, 268'435'455));
  client.subscribe_to({{"a/#", 1}}, Props{}.num(prop::kSubscriptionId, 200));
  client.subscribe_to({{"+/b", 1}});
  client.publish("a/b", "x", 1);
  std::vector<std::uint32_t> ids = client.take("a/b", "x", 1).props.all(prop::kSubscriptionId);
  std::sort(ids.begin(), ids.end());
  const std::vector<std::uint32_t> expected = {1, 200, 268'435'455};
  CHECK((ids == expected));
  client.expect_nothing();
  // Replacing a subscription without an identifier takes the identifier away.
  client.subscribe("a/b", 1);
  client.publish("a/b", "y", 1);
  CHECK(client.take("a/b", "y", 1).props.all(prop::kSubscriptionId).size() == 2);
}

TEST_CASE("v5: a subscription identifier covers all filters of its SUBSCRIBE, retained ones too") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.publish("a", "old", 1, true);
  client.subscribe_to({{"a", 1}, {"b", 1}}, Props{}.num(prop::kSubscriptionId, 9));
  CHECK(client.take("a", "old", 1).props.get(prop::kSubscriptionId) == 9);
  client.publish("b", "new", 1);
  CHECK(client.take("b", "new", 1).props.get(prop::kSubscriptionId) == 9);
}

TEST_CASE("v5: subscription identifiers survive a reconnect") {
  BrokerProcess broker;
  Client first = broker.connect(persistent("s", Version::v5));
  first.subscribe_to({{"t", 1}}, Props{}.num(prop::kSubscriptionId, 5));
  first.reset();
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "x", 1);
  Client second = broker.connect(persistent("s", Version::v5));
  CHECK(second.take("t", "x", 1).props.get(prop::kSubscriptionId) == 5);
}

TEST_CASE("v5: wrong subscription identifiers end the connection") {
  BrokerProcess broker;
  const std::vector<Props> wrong = {
      Props{}.num(prop::kSubscriptionId, 0),
      Props{}.num(prop::kSubscriptionId, 1).num(prop::kSubscriptionId, 2),
  };
  for (const Props& props : wrong) {
    Client client = broker.connect("c", Version::v5);
    client.send(encode_subscribe(Version::v5, 1, {{"t"}}, props));
    client.expect_ended(0x82);
  }
}

TEST_CASE("v5: no local") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  Client other = broker.connect("o", Version::v5);
  client.subscribe_to({{.filter = "t", .qos = 1, .no_local = true}});
  client.publish("t", "own", 1);
  client.expect_nothing();
  other.publish("t", "foreign", 1);
  client.take("t", "foreign", 1);
  // Another subscription without the option still brings the client its own messages.
  client.subscribe("#", 0);
  client.publish("t", "own", 1);
  client.take("t", "own", 0);
}

TEST_CASE("v5: no local on a shared subscription is a protocol error") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  client.send(encode_subscribe(Version::v5, 1, {{.filter = "$share/g/t", .no_local = true}}));
  client.expect_ended(0x82);
}

TEST_CASE("v5: retain as published") {
  BrokerProcess broker;
  Client client = broker.connect("c", Version::v5);
  Client publisher = broker.connect("p", Version::v5);
  client.subscribe_to({{.filter = "kept", .retain_as_published = true}, {.filter = "cleared"}});
  publisher.publish("kept", "x", 0, true);
  CHECK(client.take("kept", "x").retain);
  publisher.publish("kept", "x", 0, false);
  CHECK_FALSE(client.take("kept", "x").retain);
  publisher.publish("cleared", "x", 0, true);
  CHECK_FALSE(client.take("cleared", "x").retain);
}

TEST_CASE("v5: retain handling 0, 1 and 2") {
  BrokerProcess broker;
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "old", 1, true);
  Client client = broker.connect("c", Version::v5);
  const auto subscribe = [&](std::uint8_t handling) {
    client.subscribe_to({{.filter = "t", .retain_handling = handling}});
  };
  subscribe(2);
  client.expect_nothing();
  subscribe(1);  // it exists already
  client.expect_nothing();
  subscribe(0);  // always
  CHECK(client.take("t", "old").retain);
  subscribe(0);
  CHECK(client.take("t", "old").retain);
  client.unsubscribe({"t"});
  subscribe(1);  // new
  CHECK(client.take("t", "old").retain);
  client.expect_nothing();
}

TEST_CASE("v5: reserved subscription options are malformed") {
  BrokerProcess broker;
  const std::vector<std::string> rows = {
      "82 07 0001 00 0001 74 03",  // QoS 3
      "82 07 0001 00 0001 74 30",  // retain handling 3
      "82 07 0001 00 0001 74 40",  // reserved bit
      "82 07 0001 00 0001 74 80",
  };
  for (const std::string& row : rows) {
    CAPTURE(row);
    Client client = broker.connect("c", Version::v5);
    client.send(from_hex(row));
    const Packet packet = client.expect(Type::disconnect);
    CHECK((packet.reason == 0x81 || packet.reason == 0x82));
    client.expect_closed();
  }
}

TEST_CASE_TEMPLATE("a client may hold very many subscriptions", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  std::vector<Filter> filters;
  for (int i = 0; i < 3000; ++i) {
    filters.push_back({"many/" + std::to_string(i) + (i % 10 == 0 ? "/+" : ""), 1});
  }
  client.subscribe_to(filters);
  client.publish("many/2999", "x", 1);
  client.take("many/2999", "x", 1);
  client.publish("many/2990/y", "x", 1);
  client.take("many/2990/y", "x", 1);
}

TEST_CASE("v3: ignore_loop_deliver keeps a client's own messages away") {
  BrokerProcess broker{"mqtt.ignore_loop_deliver = true"};
  Client client = broker.connect("c", Version::v311);
  Client other = broker.connect("o", Version::v311);
  client.subscribe("t", 1);
  client.publish("t", "own", 1);
  client.expect_nothing();
  other.publish("t", "foreign", 1);
  client.take("t", "foreign", 1);
}

TEST_SUITE_END();

}  // namespace keel::test
