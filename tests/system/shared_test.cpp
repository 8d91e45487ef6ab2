// Shared subscriptions: $share/<group>/<filter> and $queue/<filter>, strategies, and what becomes
// of the messages of a member that goes.
#include <algorithm>
#include <map>
#include <set>

#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

constexpr int kMembers = 4;

std::vector<Client> members(BrokerProcess& broker, Version version, const std::string& filter,
                            std::uint8_t qos = 1) {
  std::vector<Client> out;
  for (int i = 0; i < kMembers; ++i) {
    out.push_back(broker.connect("member" + std::to_string(i), version));
    CHECK(out.back().subscribe(filter, qos).codes[0] == qos);
  }
  return out;
}

// How many messages each member has, once `publisher` has sent all; acknowledges them.
std::vector<int> shares(std::vector<Client>& clients, Client& publisher) {
  std::vector<int> out;
  static int round = 0;
  const std::string end = "end/" + std::to_string(++round);
  for (Client& client : clients)
    client.subscribe(end, 1);  // QoS 1: behind what waits for the window
  publisher.publish(end, "end", 1);
  for (Client& client : clients) {
    int count = 0;
    for (;;) {
      const Packet packet = client.expect(Type::publish);
      client.acknowledge(packet);
      if (packet.topic == end) break;
      ++count;
    }
    out.push_back(count);
  }
  return out;
}

int sum(const std::vector<int>& counts) {
  int out = 0;
  for (const int count : counts) out += count;
  return out;
}

}  // namespace

TEST_SUITE_BEGIN("shared");

TEST_CASE_TEMPLATE("each message reaches one member of the group", V, V31, V311, V5) {
  for (const std::string filter : {"$share/g/t/+", "$queue/t/+"}) {
    CAPTURE(filter);
    BrokerProcess broker;
    std::vector<Client> group = members(broker, V::value, filter);
    Client publisher = broker.connect("p", V::value);
    for (int i = 0; i < 40; ++i) publisher.publish("t/x", std::to_string(i), 1);
    CHECK(sum(shares(group, publisher)) == 40);
  }
}

TEST_CASE_TEMPLATE("round_robin shares evenly", V, V311, V5) {
  BrokerProcess broker{"mqtt.shared_strategy = \"round_robin\"", {.shards = 1}};
  std::vector<Client> group = members(broker, V::value, "$share/g/t");
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 40; ++i) publisher.publish("t", "x", 1);
  for (const int count : shares(group, publisher)) CHECK(count == 10);
}

TEST_CASE_TEMPLATE("round_robin leaves no member out across shards", V, V311, V5) {
  BrokerProcess broker{"mqtt.shared_strategy = \"round_robin\""};
  std::vector<Client> group = members(broker, V::value, "$share/g/t");
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 40; ++i) publisher.publish("t", "x", 1);
  for (const int count : shares(group, publisher)) CHECK(count > 0);
}

TEST_CASE_TEMPLATE("random shares among all", V, V311, V5) {
  BrokerProcess broker{"mqtt.shared_strategy = \"random\""};
  std::vector<Client> group = members(broker, V::value, "$share/g/t");
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 200; ++i) publisher.publish("t", "x", 1);
  const std::vector<int> counts = shares(group, publisher);
  CHECK(sum(counts) == 200);
  for (const int count : counts) CHECK(count > 10);  // 50 on average
}

TEST_CASE_TEMPLATE("sticky keeps to one member until it goes", V, V311, V5) {
  BrokerProcess broker{"mqtt.shared_strategy = \"sticky\""};
  std::vector<Client> group = members(broker, V::value, "$share/g/t");
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 20; ++i) publisher.publish("t", "x", 1);
  const std::vector<int> counts = shares(group, publisher);
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) chosen = i;
  }
  CHECK(counts[chosen] == 20);
  group[chosen].unsubscribe({"$share/g/t"});
  for (int i = 0; i < 20; ++i) publisher.publish("t", "x", 1);
  const std::vector<int> later = shares(group, publisher);
  CHECK(later[chosen] == 0);
  CHECK(std::count(later.begin(), later.end(), 20) == 1);
}

TEST_CASE_TEMPLATE("hash sends what one publisher sends to one member", V, V311, V5) {
  BrokerProcess broker{"mqtt.shared_strategy = \"hash\""};
  std::vector<Client> group = members(broker, V::value, "$share/g/t");
  std::map<std::size_t, int> used;
  for (int p = 0; p < 12; ++p) {
    Client publisher = broker.connect("publisher" + std::to_string(p), V::value);
    for (int i = 0; i < 5; ++i) publisher.publish("t", "x", 1);
    const std::vector<int> counts = shares(group, publisher);
    CHECK(std::count(counts.begin(), counts.end(), 5) == 1);
    for (std::size_t i = 0; i < counts.size(); ++i) used[i] += counts[i];
  }
  int with_work = 0;
  for (const auto& [member, count] : used) with_work += count > 0 ? 1 : 0;
  CHECK(with_work > 1);
}

TEST_CASE_TEMPLATE("groups and plain subscriptions do not disturb each other", V, V31, V311, V5) {
  BrokerProcess broker;
  Client one = broker.connect("one", V::value);
  Client two = broker.connect("two", V::value);
  Client plain = broker.connect("plain", V::value);
  one.subscribe("$share/g1/t", 1);
  two.subscribe("$share/g2/t", 1);
  plain.subscribe("t", 1);
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "x", 1);
  one.take("t", "x", 1);
  two.take("t", "x", 1);
  plain.take("t", "x", 1);
  // A client that is in a group and subscribes itself gets both.
  one.subscribe("t", 1);
  publisher.publish("t", "y", 1);
  one.take("t", "y", 1);
  one.take("t", "y", 1);
  one.expect_nothing();
}

TEST_CASE_TEMPLATE("retained messages do not go to shared subscriptions", V, V31, V311, V5) {
  BrokerProcess broker;
  Client publisher = broker.connect("p", V::value);
  publisher.publish("t", "old", 1, true);
  Client member = broker.connect("m", V::value);
  member.subscribe("$share/g/t", 1);
  member.subscribe("$queue/t", 1);
  member.expect_nothing();
}

TEST_CASE_TEMPLATE("unsubscribing leaves the group; the last one empties it", V, V31, V311, V5) {
  BrokerProcess broker;
  Client a = broker.connect("a", V::value);
  Client b = broker.connect("b", V::value);
  a.subscribe("$share/g/t", 1);
  b.subscribe("$share/g/t", 1);
  Client publisher = broker.connect("p", V::value);
  a.unsubscribe({"$share/g/t"});
  for (int i = 0; i < 4; ++i) publisher.publish("t", std::to_string(i), 1);
  for (int i = 0; i < 4; ++i) b.take("t", std::to_string(i), 1);
  b.unsubscribe({"$share/g/t"});
  const Packet puback = publisher.publish("t", "nobody", 1);
  if (V::value == Version::v5) CHECK(puback.reason == 0x10);
}

TEST_CASE_TEMPLATE("QoS 1 messages a member has not acknowledged go to another when it leaves", V,
                   V31, V311, V5) {
  for (const bool session_stays : {false, true}) {
    CAPTURE(session_stays);
    BrokerProcess broker{"limits.max_inflight = 3"};
    Client leaver =
        broker.connect(session_stays ? persistent("leaver", V::value)
                                     : Connect{.client_id = "leaver", .version = V::value});
    leaver.subscribe("$share/g/t", 1);
    Client publisher = broker.connect("p", V::value);
    for (int i = 0; i < 6; ++i) publisher.publish("t", std::to_string(i), 1);
    for (int i = 0; i < 3; ++i) leaver.expect_publish("t", std::to_string(i));
    Client heir = broker.connect("heir", V::value);
    heir.subscribe("$share/g/t", 1);
    leaver.reset();
    std::set<std::string> got;
    for (int i = 0; i < 6; ++i) {
      const Packet packet = heir.expect(Type::publish);
      CHECK(packet.qos == 1);
      heir.acknowledge(packet);
      got.insert(packet.payload);
    }
    CHECK(got.size() == 6);
    heir.expect_nothing_from(publisher);
  }
}

// What of QoS 2 has been sent to a member stays its own, whatever becomes of it [MQTT-4.8.2-4, -5].
TEST_CASE_TEMPLATE("of QoS 2 messages those go to another that the member has never seen", V, V31,
                   V311, V5) {
  BrokerProcess broker{"limits.max_inflight = 3"};
  Client leaver = broker.connect(persistent("leaver", V::value));
  leaver.subscribe("$share/g/t", 2);
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 6; ++i) publisher.publish("t", std::to_string(i), 2);
  for (int i = 0; i < 3; ++i) leaver.expect_publish("t", std::to_string(i));
  Client heir = broker.connect("heir", V::value);
  heir.subscribe("$share/g/t", 2);
  leaver.reset();
  for (int i = 3; i < 6; ++i) heir.take("t", std::to_string(i), 2);
  heir.expect_nothing_from(publisher);
  Client back = broker.connect(persistent("leaver", V::value));
  for (int i = 0; i < 3; ++i) back.take("t", std::to_string(i), 2);
}

TEST_CASE_TEMPLATE("an absent member is passed over while another is there", V, V31, V311, V5) {
  BrokerProcess broker;
  Client absent = broker.connect(persistent("absent", V::value));
  absent.subscribe("$share/g/t", 1);
  absent.disconnect();
  Client present = broker.connect("present", V::value);
  present.subscribe("$share/g/t", 1);
  eventually(
      [&] {
        return broker.ctl({"clients", "show", "absent"}).exit == 1;
      },
      "the absent member is seen as absent");
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 10; ++i) publisher.publish("t", std::to_string(i), 1);
  for (int i = 0; i < 10; ++i) present.take("t", std::to_string(i), 1);
}

TEST_CASE_TEMPLATE("with every member absent the messages wait", V, V31, V311, V5) {
  BrokerProcess broker;
  Client member = broker.connect(persistent("m", V::value));
  member.subscribe("$share/g/t", 1);
  member.disconnect();
  Client publisher = broker.connect("p", V::value);
  for (int i = 0; i < 5; ++i) publisher.publish("t", std::to_string(i), 1);
  Client back = broker.connect(persistent("m", V::value));
  for (int i = 0; i < 5; ++i) back.take("t", std::to_string(i), 1);
}

TEST_CASE_TEMPLATE("malformed share filters are refused", V, V31, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  const std::uint8_t refused = V::value == Version::v5 ? 0x8F : 0x80;
  for (const std::string filter :
       {"$share/", "$share/g", "$share/g/", "$share//t", "$share/g+/t", "$share/#/t", "$queue/"}) {
    CAPTURE(filter);
    CHECK(client.subscribe(filter, 1).codes[0] == refused);
  }
  client.ping();
}

TEST_CASE_TEMPLATE("messages published to $share/... are no subscription", V, V311, V5) {
  BrokerProcess broker;
  Client client = broker.connect("c", V::value);
  client.subscribe("$share/g/t", 1);
  client.publish("$share/g/t", "x");
  client.expect_nothing();
}

TEST_CASE("v5: a shared subscription has its identifier too") {
  BrokerProcess broker;
  Client member = broker.connect("m", Version::v5);
  member.subscribe_to({{"$share/g/t", 1}}, Props{}.num(prop::kSubscriptionId, 7));
  Client publisher = broker.connect("p", Version::v5);
  publisher.publish("t", "x", 1);
  CHECK(member.take("t", "x", 1).props.all(prop::kSubscriptionId) == std::vector<std::uint32_t>{7});
}

TEST_SUITE_END();

}  // namespace keel::test
