// How a shard keeps hooks apart from its own work, and what plugins order.
#include "hooks_support.hpp"

namespace keel::kernel {
namespace {

TEST_CASE("forgotten questions are told, once, and their answers reach nobody") {
  Settings settings;
  settings.limits.connect_timeout_ms = 2'000;
  Cluster cluster(settings);
  Hooks hooks;
  std::vector<AuthTicket> tickets;
  std::vector<std::uint64_t> forgotten;
  hooks.authenticate = [&](const AuthRequest& request) {
    tickets.push_back(request.ticket);
    return AuthAnswer{.verdict =
                          request.client.client_id == "open" ? Verdict::allow : Verdict::pending};
  };
  hooks.authorize = [&](const AuthorizeRequest& request) {
    tickets.push_back(request.ticket);
    return Verdict::pending;
  };
  hooks.forgotten = [&](const AuthTicket& ticket) { forgotten.push_back(ticket.number); };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  bool answered = false;
  SUBCASE("broken before CONNECT was answered") {
    client.send(wire::connect({.id = "c"}, Version::v5));
    client.wire().broken = true;
    cluster.settle();
  }
  SUBCASE("no time left for CONNECT") {
    client.send(wire::connect({.id = "c"}, Version::v5));
    cluster.advance(2'100);
  }
  SUBCASE("broken while a publish waits") {
    client.connect({.id = "open"});
    client.publish({.topic = "t"});
    client.wire().broken = true;
    cluster.settle();
  }
  SUBCASE("kicked while a publish waits") {
    client.connect({.id = "open"});
    client.publish({.topic = "t"});
    cluster.broker().kick("open");
    cluster.settle();
  }
  SUBCASE("time is up") {
    client.connect({.id = "open"});
    client.publish({.topic = "t"});
    cluster.advance(5'100);
  }
  SUBCASE("answered in time: not forgotten") {
    client.connect({.id = "open"});
    client.publish({.topic = "t"});
    cluster.broker().resolve(tickets.back(), {.verdict = Verdict::allow});
    cluster.settle();
    answered = true;
  }
  const auto expected =
      answered ? std::vector<std::uint64_t>{} : std::vector<std::uint64_t>{tickets.back().number};
  CHECK(forgotten == expected);
  cluster.broker().resolve(tickets.back(), {.verdict = Verdict::allow});
  cluster.settle();
  CHECK(forgotten == expected);
}

TEST_CASE("set_hooks and forget_decisions: what was decided is asked again") {
  Cluster cluster;
  Hooks hooks;
  int asked = 0;
  Verdict verdict = Verdict::allow;
  AuthTicket ticket;
  hooks.authorize = [&](const AuthorizeRequest& request) {
    ++asked;
    ticket = request.ticket;
    return verdict;
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  client.connect({.id = "c"});
  const auto allowed = [&] {
    client.publish({.topic = "t", .qos = 1, .id = 1});
    return client.expect(PacketType::puback).reason() != Reason::not_authorized;
  };
  CHECK(allowed());
  CHECK(allowed());
  CHECK(asked == 1);
  verdict = Verdict::deny;
  CHECK(allowed());
  cluster.broker().forget_decisions();
  CHECK_FALSE(allowed());
  CHECK(asked == 2);
  cluster.set_hooks(hooks.table);
  CHECK_FALSE(allowed());
  CHECK(asked == 3);

  // A question of before: it serves its packet, but is not remembered.
  cluster.broker().forget_decisions();
  verdict = Verdict::pending;
  client.publish({.topic = "t", .qos = 1, .id = 1});
  cluster.broker().forget_decisions();
  cluster.broker().resolve(ticket, {.verdict = Verdict::allow});
  cluster.settle();
  CHECK(client.expect(PacketType::puback).reason() != Reason::not_authorized);
  verdict = Verdict::deny;
  CHECK_FALSE(allowed());
  CHECK(asked == 5);

  // Hooks replaced while a question is open: whoever has the ticket answers.
  cluster.broker().forget_decisions();
  verdict = Verdict::pending;
  client.publish({.topic = "t", .qos = 1, .id = 1});
  cluster.broker().set_hooks(nullptr);
  CHECK(client.silent());
  cluster.broker().resolve(ticket, {.verdict = Verdict::deny});
  cluster.settle();
  CHECK(client.expect(PacketType::puback).reason() == Reason::not_authorized);
  CHECK(allowed());  // no hooks: as the settings say
}

TEST_CASE("publish_as: a plugin's message is checked, hooked and handed out") {
  Cluster cluster({}, 2);
  Hooks hooks;
  std::string publisher;
  hooks.publish = [&](const PublishRequest& request) {
    publisher = request.client_id;
    CHECK(cluster.broker().in_hook());
    return PublishAnswer{.verdict = request.message.topic == "no" ? Verdict::deny : Verdict::next,
                         .reason = Reason::quota_exceeded};
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  client.connect({.id = cluster.id_on(1)});
  client.subscribe({.filter = "#", .qos = 1});
  const auto publish = [&](std::string_view topic, std::uint8_t qos = 0) {
    MessageView message;
    message.topic = topic;
    message.payload = "x";
    message.qos = qos;
    Reason reason = Reason::success;
    const std::size_t receivers = cluster.broker().publish_as(message, "plugin:p", reason);
    cluster.settle();
    CHECK(receivers == !is_error(reason));
    return reason;
  };
  CHECK(publish("t") == Reason::success);
  CHECK(client.payloads() == Strings{"x"});
  CHECK(publisher == "plugin:p");
  CHECK(publish("no") == Reason::quota_exceeded);
  for (const char* topic : {"", "a/#", "+", "\xff"})
    CHECK(publish(topic) == Reason::topic_name_invalid);
  for (const char* topic : {"$SYS/x", "$share/g/t"})
    CHECK(publish(topic) == Reason::not_authorized);
  CHECK(publish("t", 3) == Reason::qos_not_supported);
  CHECK(client.silent());
}

TEST_CASE("match_count: sessions on all shards, shared groups as one") {
  Cluster cluster({}, 2);
  CHECK(cluster.broker().match_count("a/b") == 0);
  Client one(cluster), two(cluster);
  one.connect({.id = cluster.id_on(0)});
  two.connect({.id = cluster.id_on(1)});
  one.subscribe({.filter = "a/#"});
  one.subscribe({.filter = "+/b"});
  two.subscribe({.filter = "a/b"});
  one.subscribe({.filter = "$share/g/a/b"});
  two.subscribe({.filter = "$share/g/a/b"});
  CHECK(cluster.broker(0).match_count("a/b") == 3);
  CHECK(cluster.broker(1).match_count("a/c") == 1);
  CHECK(cluster.broker(1).match_count("c") == 0);
}

TEST_CASE("disconnect_client: a reason that may stand, a word, the will") {
  Cluster cluster;
  Client watcher(cluster);
  watcher.connect({.id = "w"});
  watcher.subscribe({.filter = "will"});
  const std::tuple<Reason, Reason, bool> cases[] = {
      {Reason::success, Reason::success, false},
      {Reason::quota_exceeded, Reason::quota_exceeded, true},
      {Reason::banned, Reason::administrative_action, true},  // not in a DISCONNECT
      {Reason::continue_authentication, Reason::administrative_action, true}};
  for (const auto& [wanted, told, will] : cases) {
    Client client(cluster);
    client.connect({.id = "c", .will = wire::WillSpec{.topic = "will"}});
    CHECK(cluster.broker().disconnect_client("c", wanted, "because"));
    cluster.settle();
    CHECK(client.expect(PacketType::disconnect).reason() == told);
    CHECK(client.closed());
    CHECK(watcher.take().size() == will);
    CHECK_FALSE(cluster.broker().disconnect_client("c", wanted, "because"));
  }
}

}  // namespace
}  // namespace keel::kernel
