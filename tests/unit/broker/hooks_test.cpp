// What plugins decide: at once, later, never.
#include <map>

#include "support.hpp"

namespace keel::kernel {
namespace {

// Answers as the test says and notes what it was asked.
struct Judge {
  HookTable table;
  AuthAnswer answer{.verdict = Verdict::allow};
  Verdict verdict = Verdict::allow;
  std::map<std::string, Verdict> by_topic;
  std::vector<AuthTicket> tickets;
  Strings asked;  // topics, client ids

  Judge& authenticating() {
    table.authenticate = {&Judge::authenticate, this};
    return *this;
  }
  Judge& exchanging() {
    table.enhanced_auth = {&Judge::authenticate, this};
    return *this;
  }
  Judge& authorizing() {
    table.authorize = {&Judge::authorize, this};
    return *this;
  }

 private:
  static AuthAnswer authenticate(void* self, const AuthRequest& request) {
    auto& judge = *static_cast<Judge*>(self);
    judge.tickets.push_back(request.ticket);
    judge.asked.push_back(std::string(request.client.client_id) + "/" +
                          std::string(request.client.username) + "/" +
                          std::string(request.auth_data));
    return judge.answer;
  }
  static Verdict authorize(void* self, const AuthorizeRequest& request) {
    auto& judge = *static_cast<Judge*>(self);
    judge.tickets.push_back(request.ticket);
    judge.asked.emplace_back(request.topic);
    const auto found = judge.by_topic.find(std::string(request.topic));
    return found == judge.by_topic.end() ? judge.verdict : found->second;
  }
};

TEST_CASE("authenticate: allow and deny, with the reasons a CONNACK may carry") {
  Cluster cluster;
  Judge judge;
  cluster.set_hooks(judge.authenticating().table);
  const std::pair<Reason, Reason> cases[] = {
      {Reason::banned, Reason::banned},
      {Reason::bad_user_name_or_password, Reason::bad_user_name_or_password},
      {Reason::success, Reason::not_authorized},
      {Reason::topic_alias_invalid, Reason::not_authorized},
      {static_cast<Reason>(0xFF), Reason::not_authorized}};
  for (const auto& [given, told] : cases) {
    judge.answer = {.verdict = Verdict::deny, .reason = given};
    Client denied(cluster);
    CHECK(denied.connect({.id = "c", .user = "u"}).reason() == told);
    CHECK(denied.closed());
  }
  judge.answer = {.verdict = Verdict::more};  // there is no exchange to go on with
  Client more(cluster);
  CHECK(more.connect({.id = "c", .user = "u"}).reason() == Reason::not_authorized);
  CHECK(judge.asked.back() == "c/u/");
  judge.answer = {.verdict = Verdict::allow};
  Client allowed(cluster);
  CHECK(allowed.connect({.id = "c", .user = "u"}).reason() == Reason::success);
  CHECK(cluster.total(Metric::auth_success) == 1);
  CHECK(cluster.total(Metric::auth_failure) == std::size(cases) + 1);
  CHECK(cluster.total(Metric::connect_received) == std::size(cases) + 2);
}

TEST_CASE("authenticate: nobody decides") {
  Cluster cluster;
  Client named(cluster), anonymous(cluster), old(cluster, Version::v311);
  CHECK(named.connect({.id = "a", .user = "u", .password = "p"}).reason() ==
        Reason::bad_user_name_or_password);
  CHECK(old.connect({.id = "a", .user = "u", .password = "p"}).reason() == static_cast<Reason>(4));
  CHECK(anonymous.connect({.id = "b"}).reason() == Reason::success);
  auto listener = std::make_shared<ListenerInfo>();
  listener->loopback_only = false;
  Client outside(cluster, Version::v5, 0, listener);
  CHECK(outside.connect({.id = "c"}).reason() == Reason::not_authorized);
}

TEST_CASE("authenticate: pending, then answered, on the client's home shard") {
  Cluster cluster({}, 2);
  Judge judge;
  cluster.set_hooks(judge.authenticating().table);
  judge.answer.verdict = Verdict::pending;
  const std::string id = cluster.id_on(1);
  for (const bool allow : {true, false}) {
    Client client(cluster);
    client.send(wire::connect({.id = id}, Version::v5) + wire::pingreq());
    CHECK(client.silent());
    CHECK(client.wire().paused);
    const AuthTicket ticket = judge.tickets.back();
    CHECK(ticket.shard == 1);
    cluster.broker(1).resolve({1, ticket.number + 77}, {.verdict = Verdict::allow});  // not ours
    cluster.settle();
    CHECK(client.silent());
    cluster.broker(1).resolve(ticket, {.verdict = allow ? Verdict::allow : Verdict::deny});
    cluster.settle();
    const Reason expected = allow ? Reason::success : Reason::not_authorized;
    CHECK(client.expect(PacketType::connack).reason() == expected);
    if (allow) client.expect(PacketType::pingresp);
    CHECK(client.closed() == !allow);
    cluster.broker(1).resolve(ticket, {.verdict = Verdict::allow});  // answered already
  }
  CHECK(judge.asked.size() == 2);
}

TEST_CASE("authenticate: an assigned client id stays the same over the question") {
  Cluster cluster;
  Judge judge;
  cluster.set_hooks(judge.authenticating().table);
  judge.answer.verdict = Verdict::pending;
  Client client(cluster);
  client.send(wire::connect({}, Version::v5));
  cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::allow});
  cluster.settle();
  const std::string id = client.expect(PacketType::connack).string(Property::assigned_client_id);
  CHECK(judge.asked[0] == id + "//");
}

TEST_CASE("authenticate: no answer in time denies") {
  Cluster cluster;
  Judge judge;
  cluster.set_hooks(judge.authenticating().table);
  judge.answer.verdict = Verdict::pending;
  Client client(cluster);
  client.send(wire::connect({.id = "c"}, Version::v5));
  cluster.advance(4'900);
  CHECK(client.silent());
  cluster.advance(200);
  CHECK(client.expect(PacketType::connack).reason() == Reason::server_unavailable);
  CHECK(client.closed());
  cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::allow});  // too late
}

TEST_CASE("authenticate: an answer for a connection that is gone reaches nobody") {
  Settings settings;
  settings.limits.connect_timeout_ms = 2'000;
  Cluster cluster(settings);
  Judge judge;
  cluster.set_hooks(judge.authenticating().table);
  judge.answer.verdict = Verdict::pending;
  SUBCASE("the socket failed") {
    Client client(cluster);
    client.send(wire::connect({.id = "c"}, Version::v5));
    client.wire().broken = true;
    cluster.settle();
    REQUIRE(client.closed());
  }
  SUBCASE("the time for CONNECT ran out") {
    Client client(cluster);
    client.send(wire::connect({.id = "c"}, Version::v5));
    cluster.advance(2'100);
    REQUIRE(client.closed());
  }
  SUBCASE("after the hang-up nobody could notice, a denial") {
    Client client(cluster);
    client.send(wire::connect({.id = "c"}, Version::v5));
    client.hang_up();
    cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::deny});
    cluster.settle();
    REQUIRE(client.closed());
  }
  cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::allow});
  cluster.advance(10'000);
  CHECK(cluster.total(Gauge::connections) == 0);
  CHECK(cluster.total(Gauge::sessions) == 0);
}

TEST_CASE("authenticate: the mountpoint of an answer replaces the listener's") {
  Cluster cluster;
  Judge judge;
  cluster.set_hooks(judge.authenticating().table);
  judge.answer.mountpoint = "home/%c/";
  Client client(cluster), watcher(cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "t"});
  judge.answer.mountpoint.clear();
  watcher.connect({.id = "w"});
  watcher.subscribe({.filter = "#"});
  client.publish({.topic = "t", .payload = "x"});
  CHECK(watcher.expect(PacketType::publish).topic == "home/c/t");
  CHECK(client.expect(PacketType::publish).topic == "t");
}

TEST_CASE("enhanced authentication: data goes back and forth until the hook decides") {
  Cluster cluster({}, 2);
  Judge judge;
  cluster.set_hooks(judge.exchanging().table);
  judge.answer = {.verdict = Verdict::more, .data = "challenge"};
  Client client(cluster);
  client.send(wire::connect({.id = cluster.id_on(1), .auth_method = "m", .auth_data = "hello"},
                            Version::v5));
  wire::Received auth = client.expect(PacketType::auth);
  CHECK(auth.reason() == Reason::continue_authentication);
  CHECK(auth.string(Property::auth_method) == "m");
  CHECK(auth.string(Property::auth_data) == "challenge");
  client.send(wire::auth(Reason::continue_authentication, "m", "one"));
  client.expect(PacketType::auth);
  judge.answer = {.verdict = Verdict::pending};
  client.send(wire::auth(Reason::continue_authentication, "m", "two"));
  CHECK(client.silent());
  cluster.broker(1).resolve(judge.tickets.back(), {.verdict = Verdict::allow, .data = "welcome"});
  cluster.settle();
  const wire::Received connack = client.expect(PacketType::connack);
  CHECK(connack.reason() == Reason::success);
  CHECK(connack.string(Property::auth_method) == "m");
  CHECK(connack.string(Property::auth_data) == "welcome");
  REQUIRE(judge.asked.size() == 3);
  CHECK(judge.asked[0].ends_with("/hello"));
  CHECK(judge.asked[2].ends_with("/two"));

  // Re-authentication over the same connection.
  judge.answer = {.verdict = Verdict::more, .data = "again"};
  client.send(wire::auth(Reason::reauthenticate, "m", "re"));
  CHECK(client.expect(PacketType::auth).string(Property::auth_data) == "again");
  judge.answer = {.verdict = Verdict::allow};
  client.send(wire::auth(Reason::continue_authentication, "m", "re2"));
  CHECK(client.expect(PacketType::auth).reason() == Reason::success);
  judge.answer = {.verdict = Verdict::pending};
  client.send(wire::auth(Reason::reauthenticate, "m", "re3") + wire::pingreq());
  CHECK(client.silent());
  cluster.broker(1).resolve(judge.tickets.back(), {.verdict = Verdict::allow});
  cluster.settle();
  CHECK(client.expect(PacketType::auth).reason() == Reason::success);
  client.expect(PacketType::pingresp);
  judge.answer = {.verdict = Verdict::deny, .reason = Reason::not_authorized};
  client.send(wire::auth(Reason::reauthenticate, "m", "re4"));
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::not_authorized);
  CHECK(client.closed());
}

TEST_CASE("enhanced authentication: methods nobody knows, and packets out of turn") {
  Cluster cluster;
  Client unknown(cluster);
  CHECK(unknown.connect({.id = "c", .auth_method = "m"}).reason() ==
        Reason::bad_authentication_method);
  Judge judge;
  cluster.set_hooks(judge.exchanging().table);
  judge.answer = {.verdict = Verdict::more};
  for (const std::string& bytes :
       {wire::auth(Reason::continue_authentication, "other", "x"), wire::pingreq(),
        wire::connect({.id = "c"}, Version::v5), wire::publish({.topic = "t"}, Version::v5)}) {
    Client client(cluster);
    client.send(wire::connect({.id = "c", .auth_method = "m"}, Version::v5));
    client.expect(PacketType::auth);
    client.send(bytes);
    CHECK(client.closed());
  }
  Client plain(cluster);
  plain.connect({.id = "p"});
  plain.send(wire::auth(Reason::reauthenticate, "m", "x"));
  CHECK(plain.expect(PacketType::disconnect).reason() == Reason::protocol_error);
}

TEST_CASE("authorize: publishing and subscribing are asked about, and remembered for a minute") {
  Cluster cluster;
  Judge judge;
  cluster.set_hooks(judge.authorizing().table);
  judge.by_topic["secret"] = Verdict::deny;
  Client client(cluster);
  client.connect({.id = "c"});
  client.send(wire::subscribe({.filter = "secret", .id = 7}, Version::v5));
  CHECK(client.expect(PacketType::suback).reason() == Reason::not_authorized);
  client.subscribe({.filter = "open"});
  for (int i = 0; i < 3; ++i) client.publish({.topic = "open", .payload = "x"});
  CHECK(client.take().size() == 3);
  CHECK(judge.asked == Strings{"secret", "open", "open"});
  client.publish({.topic = "secret", .qos = 1, .id = 5});
  CHECK(client.expect(PacketType::puback).reason() == Reason::not_authorized);
  cluster.advance(61'000);
  client.publish({.topic = "open"});
  CHECK(judge.asked.size() == 5);
}

TEST_CASE("authorize: a v3 client is not told, or loses its connection, as the settings say") {
  for (const bool disconnect : {false, true}) {
    Settings settings;
    settings.mqtt.acl_deny_disconnect = disconnect;
    Cluster cluster(settings);
    Judge judge;
    judge.verdict = Verdict::deny;
    cluster.set_hooks(judge.authorizing().table);
    Client client(cluster, Version::v311);
    client.connect({.id = "c"});
    client.publish({.topic = "t", .qos = 2, .id = 3});
    CHECK(client.closed() == disconnect);
    if (disconnect) continue;
    CHECK(client.expect(PacketType::pubrec).id == 3);
    client.ack(PacketType::pubrel, 3);
    CHECK(client.expect(PacketType::pubcomp).id == 3);
    client.send(wire::subscribe({.filter = "t"}, Version::v311));
    CHECK(client.expect(PacketType::suback).reason() == static_cast<Reason>(0x80));
  }
}

TEST_CASE("authorize: pending holds what follows; the answer is remembered") {
  Cluster cluster;
  Judge judge;
  judge.verdict = Verdict::pending;
  cluster.set_hooks(judge.authorizing().table);
  Client client(cluster);
  client.connect({.id = "c"});
  client.send(wire::publish({.topic = "t", .qos = 1, .id = 1}, Version::v5) +
              wire::publish({.topic = "t", .qos = 1, .id = 2}, Version::v5) + wire::pingreq());
  CHECK(client.silent());
  cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::allow});
  cluster.settle();
  CHECK(client.expect(PacketType::puback).reason() == Reason::no_matching_subscribers);
  CHECK(client.expect(PacketType::puback).id == 2);
  client.expect(PacketType::pingresp);
  CHECK(judge.asked.size() == 1);
  client.publish({.topic = "u", .qos = 1, .id = 3});
  CHECK(client.silent());
  cluster.advance(5'100);  // never answered
  CHECK(client.expect(PacketType::puback).reason() == Reason::not_authorized);
}

TEST_CASE("authorize: a SUBSCRIBE of many filters is answered, each asked about once") {
  for (const bool answered : {true, false}) {
    CAPTURE(answered);
    Cluster cluster;
    Judge judge;
    judge.verdict = Verdict::pending;
    cluster.set_hooks(judge.authorizing().table);
    Client client(cluster);
    client.connect({.id = "c"});
    const std::size_t filters = answered ? 100 : 40;
    std::string body = wire::u16(7) + wire::varint(0);
    for (std::size_t i = 0; i < filters; ++i)
      body += wire::text("f/" + std::to_string(i)) + wire::u8(1);
    client.send(wire::packet(0x82, body));
    for (std::size_t i = 0; i < filters * 3 && client.silent(); ++i) {
      if (answered)
        cluster.broker().resolve(judge.tickets.back(),
                                 {.verdict = i % 2 ? Verdict::allow : Verdict::deny});
      cluster.advance(answered ? 10 : 5'100);
    }
    const wire::Received suback = client.expect(PacketType::suback);
    REQUIRE(suback.reasons.size() == filters);
    CHECK(judge.asked.size() == filters);
    for (std::size_t i = 0; i < filters; ++i)
      CHECK(suback.reasons[i] ==
            (answered && i % 2 ? Reason::granted_qos1 : Reason::not_authorized));
  }
}

TEST_CASE("authorize: the will's topic is asked about, also when the answer takes its time") {
  Cluster cluster;
  Judge judge;
  judge.by_topic["later"] = Verdict::pending;
  judge.by_topic["never"] = Verdict::deny;
  cluster.set_hooks(judge.authenticating().authorizing().table);
  Client denied(cluster), later(cluster), refused(cluster);
  CHECK(denied.connect({.id = "a", .will = wire::WillSpec{.topic = "never"}}).reason() ==
        Reason::not_authorized);
  for (const bool allow : {true, false}) {
    Client client(cluster);
    client.send(wire::connect({.id = "b", .will = wire::WillSpec{.topic = "later"}}, Version::v5));
    CHECK(client.silent());
    cluster.broker().resolve(judge.tickets.back(),
                             {.verdict = allow ? Verdict::allow : Verdict::deny});
    cluster.settle();
    CHECK(client.expect(PacketType::connack).reason() ==
          (allow ? Reason::success : Reason::not_authorized));
  }
}

TEST_CASE("authorize: superusers are not asked about; nobody writes to $SYS") {
  Cluster cluster;
  Judge judge;
  judge.answer.superuser = true;
  judge.verdict = Verdict::deny;
  cluster.set_hooks(judge.authenticating().authorizing().table);
  Client client(cluster);
  client.connect({.id = "c"});
  client.publish({.topic = "t", .qos = 1, .id = 1});
  CHECK(client.expect(PacketType::puback).reason() == Reason::no_matching_subscribers);
  for (const char* topic : {"$SYS", "$SYS/x", "$share/g/t", "$queue/t"}) {
    client.publish({.topic = topic, .qos = 1, .id = 1});
    CHECK(client.expect(PacketType::puback).reason() == Reason::not_authorized);
  }
  // Not part of this version, and said so.
  client.publish({.topic = "$delayed/5/t", .qos = 1, .id = 1});
  CHECK(client.expect(PacketType::puback).reason() == Reason::implementation_specific_error);
  client.publish({.topic = "$other", .qos = 1, .id = 1});
  CHECK(client.expect(PacketType::puback).reason() == Reason::no_matching_subscribers);
}

TEST_CASE("authorize: a client that goes while its question is open") {
  Cluster cluster;
  Judge judge;
  judge.verdict = Verdict::pending;
  cluster.set_hooks(judge.authorizing().table);
  Client client(cluster), fresh(cluster);
  client.connect({.id = "c", .clean = false, .expiry_s = 100});
  client.publish({.topic = "t"});
  fresh.connect({.id = "c", .clean = false, .expiry_s = 100});  // takes over
  CHECK(client.closed());
  cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::allow});
  cluster.advance(6'000);
  fresh.publish({.topic = "t"});
  fresh.wire().broken = true;
  cluster.settle();
  cluster.broker().resolve(judge.tickets.back(), {.verdict = Verdict::allow});
  cluster.advance(6'000);
  CHECK(cluster.total(Gauge::connections) == 0);
}

TEST_CASE("publish hook: leave, replace, refuse") {
  struct Script {
    HookTable table;
    std::vector<PublishAnswer> answers;
    std::size_t at = 0;
    Strings seen;
    std::string publisher;
    static PublishAnswer run(void* self, const PublishRequest& request) {
      auto& script = *static_cast<Script*>(self);
      script.seen.emplace_back(request.message.payload);
      script.publisher = std::string(request.client_id) + "/" + std::string(request.username);
      return script.at < script.answers.size() ? script.answers[script.at++] : PublishAnswer{};
    }
  } script;
  script.table.publish = {&Script::run, &script};
  Cluster cluster({}, 2);
  cluster.set_hooks(script.table);
  Client client(cluster), sub(cluster);
  sub.connect({.id = cluster.id_on(0)});
  sub.subscribe({.filter = "#", .qos = 2});
  client.connect({.id = cluster.id_on(1)});
  const auto message = [](std::string_view topic, std::string_view payload) {
    MessageView view;
    view.topic = topic;
    view.payload = payload;
    view.qos = 1;
    return Message::create(view);
  };
  client.publish({.topic = "t", .payload = "plain"});
  CHECK(sub.payloads() == Strings{"plain"});
  CHECK(script.seen == Strings{"plain"});
  CHECK(script.publisher == cluster.id_on(1) + "/");

  script.answers = {{.verdict = Verdict::next, .replacement = message("u", "changed")}};
  script.at = 0;
  client.publish({.topic = "t", .payload = "plain"});
  const wire::Received changed = sub.expect(PacketType::publish);
  CHECK(changed.topic == "u");
  CHECK(changed.payload == "changed");
  CHECK(changed.qos == 1);

  script.seen.clear();
  script.answers = {{.verdict = Verdict::allow}};
  script.at = 0;
  client.publish({.topic = "t", .payload = "once"});
  CHECK(sub.payloads() == Strings{"once"});
  CHECK(script.seen == Strings{"once"});

  for (const std::uint8_t qos : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
    script.answers = {{.verdict = Verdict::deny, .reason = Reason::quota_exceeded}};
    script.at = 0;
    client.publish({.topic = "t", .payload = "no", .qos = qos, .id = 4});
    CHECK(sub.silent());
    if (qos == 0) continue;
    const auto type = qos == 1 ? PacketType::puback : PacketType::pubrec;
    CHECK(client.expect(type).reason() == Reason::quota_exceeded);
  }
  // The refused QoS 2 exchange is over: the id is free.
  client.publish({.topic = "t", .payload = "yes", .qos = 2, .id = 4});
  CHECK(client.expect(PacketType::pubrec).reason() == Reason::success);
}

TEST_CASE("events: what happens to a client is told in order") {
  struct Log {
    HookTable table;
    Strings events;
    static void note(void* self, const EventInfo& info) {
      static const char* const kNames[] = {
          "connected",  "disconnected", "created",   "resumed", "taken over", "terminated",
          "subscribed", "unsubscribed", "delivered", "acked",   "dropped"};
      static_cast<Log*>(self)->events.push_back(std::string(kNames[static_cast<int>(info.event)]) +
                                                " " + std::string(info.topic));
    }
  } log;
  log.table.notify = {&Log::note, &log};
  log.table.event_mask = ~0u;
  Cluster cluster;
  cluster.set_hooks(log.table);
  Client client(cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "t", .qos = 1});
  client.publish({.topic = "t", .qos = 1, .id = 1});
  client.ack(PacketType::puback, client.expect(PacketType::publish).id);
  client.publish({.topic = "nobody"});
  client.send(wire::unsubscribe("t", 2, Version::v5));
  client.disconnect();
  CHECK(log.events == Strings{"created ", "connected ", "subscribed t", "delivered t", "acked t",
                              "dropped nobody", "unsubscribed t", "disconnected ", "terminated "});
}

}  // namespace
}  // namespace keel::kernel
