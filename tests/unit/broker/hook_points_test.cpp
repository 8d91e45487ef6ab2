// client_connect, client_connack, subscribe, unsubscribe.
#include "hooks_support.hpp"

namespace keel::kernel {
namespace {

TEST_CASE("client_connect: sees what the client asks for") {
  Cluster cluster;
  Hooks hooks;
  int calls = 0;
  hooks.connect = [&](const ConnectRequest& request) {
    ++calls;
    CHECK(request.client.client_id == "c");
    CHECK(request.client.username == "u");
    CHECK(request.client.has_username);
    CHECK(request.client.has_password);
    CHECK(request.client.version == Version::v5);
    CHECK_FALSE(request.client.clean_start);
    CHECK(request.client.keep_alive_s == 60);
    CHECK(request.client.session_expiry_s == 100);
    CHECK(request.client.peer != nullptr);
    CHECK(request.receive_maximum == 7);
    CHECK(request.maximum_packet_size == 1000);
    CHECK(request.topic_alias_maximum == 3);
    CHECK(request.has_will);
    CHECK(request.will_topic == "gone");
    CHECK(cluster.broker().in_hook());
    return ConnectAnswer{};
  };
  hooks.authenticate = [](const AuthRequest&) { return AuthAnswer{.verdict = Verdict::allow}; };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  CHECK(client
            .connect({.id = "c",
                      .clean = false,
                      .keep_alive = 60,
                      .expiry_s = 100,
                      .receive_maximum = 7,
                      .max_packet = 1000,
                      .alias_max = 3,
                      .user = "u",
                      .password = "p",
                      .will = wire::WillSpec{.topic = "gone"}})
            .reason() == Reason::success);
  CHECK(calls == 1);
  CHECK_FALSE(cluster.broker().in_hook());
}

TEST_CASE("client_connect: denies") {
  Cluster cluster;
  Hooks hooks;
  Reason reason = Reason::banned;
  hooks.connect = [&](const ConnectRequest&) {
    return ConnectAnswer{.verdict = Verdict::deny, .reason = reason};
  };
  cluster.set_hooks(hooks.install());
  Client banned(cluster), odd(cluster), old(cluster, Version::v311);
  CHECK(banned.connect({.id = "c"}).reason() == Reason::banned);
  CHECK(banned.closed());
  CHECK(old.connect({.id = "c"}).reason() == static_cast<Reason>(5));
  reason = Reason::success;  // no denial has this code
  CHECK(odd.connect({.id = "c"}).reason() == Reason::not_authorized);
  CHECK(cluster.total(Gauge::sessions) == 0);
}

TEST_CASE("client_connect: edits hold, and a v5 client is told") {
  Cluster cluster;
  Hooks hooks;
  ConnectAnswer answer;
  hooks.connect = [&](const ConnectRequest&) { return answer; };
  cluster.set_hooks(hooks.install());

  answer.keep_alive_s = 20;
  answer.session_expiry_s = 300;
  Client client(cluster);
  wire::Received connack = client.connect({.id = "c", .keep_alive = 60});
  CHECK(connack.number(Property::server_keep_alive) == 20);
  CHECK(connack.number(Property::session_expiry) == 300);
  CHECK(info_of(cluster, "c").keep_alive_s == 20);
  CHECK(cluster.session("c").expiry_s == 300);
  cluster.advance(31'000);
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::keep_alive_timeout);
  CHECK(cluster.has_session("c"));

  // A v3 client's session: only one that was to outlive its connection.
  Client old(cluster, Version::v311), clean(cluster, Version::v311);
  old.connect({.id = "old", .clean = false, .keep_alive = 60});
  CHECK(cluster.session("old").expiry_s == 300);
  clean.connect({.id = "clean"});
  CHECK(cluster.session("clean").expiry_s == 0);
}

TEST_CASE("client_connect: what a client takes is only narrowed") {
  Cluster cluster;
  Hooks hooks;
  hooks.connect = [](const ConnectRequest& request) {
    ConnectAnswer answer;
    const bool more = request.client.client_id == "more";
    answer.receive_maximum = more ? 100 : 1;
    answer.maximum_packet_size = more ? 100'000 : 60;
    answer.topic_alias_maximum = more ? 9 : 0;
    return answer;
  };
  cluster.set_hooks(hooks.install());
  Client pub(cluster);
  pub.connect({.id = "less"});
  for (const char* id : {"less", "more"}) {
    CAPTURE(id);
    const bool more = id == std::string("more");
    Client client(cluster);
    client.connect({.id = id, .receive_maximum = 2, .max_packet = 80, .alias_max = 1});
    client.subscribe({.filter = "t", .qos = 1});
    Client publisher(cluster);
    publisher.connect({.id = "less2"});
    for (std::uint16_t i = 1; i <= 3; ++i)
      publisher.publish({.topic = "t", .payload = "x", .qos = 1, .id = i});
    const auto got = client.take();
    CHECK(got.size() == (more ? 2 : 1));
    CHECK((got[0].number(Property::topic_alias) == std::nullopt) == !more);
  }
}

TEST_CASE("client_connect: another client id is checked, may live elsewhere, is asked about once") {
  Cluster cluster({}, 2);
  Hooks hooks;
  std::optional<std::string> id, user;
  std::vector<AuthTicket> tickets;
  int calls = 0;
  std::string seen;
  hooks.connect = [&](const ConnectRequest&) {
    ++calls;
    ConnectAnswer answer;
    answer.client_id = id;
    answer.username = user;
    return answer;
  };
  hooks.authenticate = [&](const AuthRequest& request) {
    seen = std::string(request.client.client_id) + "/" + std::string(request.client.username);
    tickets.push_back(request.ticket);
    return AuthAnswer{.verdict = Verdict::pending};
  };
  cluster.set_hooks(hooks.install());
  id = cluster.id_on(1, "renamed");
  user = "somebody";
  for (const std::string& given : {cluster.id_on(0), cluster.id_on(1), std::string()}) {
    CAPTURE(given);
    calls = 0;
    Client client(cluster);
    client.send(wire::connect({.id = given}, Version::v5));
    REQUIRE(!tickets.empty());
    CHECK(tickets.back().shard == 1);
    cluster.broker(1).resolve(tickets.back(), {.verdict = Verdict::allow});
    cluster.settle();
    CHECK(client.expect(PacketType::connack).reason() == Reason::success);
    CHECK(calls == 1);
    CHECK(seen == *id + "/somebody");
    CHECK(info_of(cluster, *id).username == "somebody");
    CHECK(client.wire().shard == 1);
  }
  // No edit, and edits that no packet could carry.
  id = "";
  Client same(cluster);
  same.send(wire::connect({.id = cluster.id_on(0)}, Version::v5));
  CHECK(seen == cluster.id_on(0) + "/somebody");
  for (const std::string& bad : {std::string("\xff"), std::string(70'000, 'x')}) {
    id = bad;
    Client client(cluster);
    const Reason reason = client.connect({.id = "c"}).reason();
    CHECK(is_error(reason));
  }
}

TEST_CASE("client_connack: adds what a v5 client understands, within its packet size") {
  Cluster cluster;
  Hooks hooks;
  ConnackAnswer answer;
  int calls = 0;
  hooks.connack = [&](const ConnackRequest& request) {
    ++calls;
    CHECK(request.client.client_id == "c");
    CHECK(request.reason == Reason::success);
    return answer;
  };
  cluster.set_hooks(hooks.install());
  answer.user_properties = {{"region", "north"}, {"region", "east"}, {"bad\xff", "x"}};
  answer.reason_string = "welcome";
  answer.response_information = "unasked";
  {
    Client client(cluster);
    const wire::Received connack = client.connect({.id = "c"});
    Strings properties;
    for (const auto& value : connack.properties)
      if (value.id == Property::user_property) properties.push_back(value.text);
    CHECK(properties.size() == 2);
    CHECK(connack.string(Property::reason_string) == "welcome");
    CHECK(connack.string(Property::response_information) == "");
  }
  {
    Client old(cluster, Version::v311);
    CHECK(old.connect({.id = "c"}).reason() == Reason::success);
  }
  answer.user_properties = {{"long", std::string(200, 'x')}};
  {
    Client client(cluster);
    const wire::Received connack = client.connect({.id = "c", .max_packet = 100});
    CHECK(connack.string(Property::user_property) == "");
    CHECK(connack.string(Property::reason_string) == "welcome");
  }
  answer.reason_string = std::string(200, 'y');
  {
    Client client(cluster);
    const wire::Received connack = client.connect({.id = "c", .max_packet = 100});
    CHECK(connack.string(Property::reason_string) == "");
  }
  CHECK(calls == 4);
}

TEST_CASE("client_connack: denies before anything has happened to the session") {
  Cluster cluster;
  Hooks hooks;
  bool deny = false;
  std::vector<std::pair<Reason, bool>> calls;
  hooks.connack = [&](const ConnackRequest& request) {
    calls.emplace_back(request.reason, request.session_present);
    ConnackAnswer answer{.verdict = deny ? Verdict::deny : Verdict::next,
                         .reason = Reason::server_busy};
    answer.reason_string = "later";
    return answer;
  };
  cluster.set_hooks(hooks.install());
  Client first(cluster);
  first.connect({.id = "c", .clean = false, .expiry_s = 100});
  deny = true;
  Client second(cluster);
  const wire::Received refused = second.connect({.id = "c", .clean = false, .expiry_s = 100});
  CHECK(refused.reason() == Reason::server_busy);
  CHECK(refused.string(Property::reason_string) == "later");
  CHECK(second.closed());
  CHECK_FALSE(first.closed());  // not taken over
  deny = false;
  Client third(cluster), named(cluster);
  CHECK(third.connect({.id = "c", .clean = false, .expiry_s = 100}).session_present);
  // Refused for another reason: once, and a denial does not matter.
  deny = true;
  const wire::Received bad = named.connect({.id = "d", .user = "u"});
  CHECK(bad.reason() == Reason::bad_user_name_or_password);
  CHECK(bad.string(Property::reason_string) == "later");
  CHECK(calls == std::vector<std::pair<Reason, bool>>{{Reason::success, false},
                                                      {Reason::success, true},
                                                      {Reason::success, true},
                                                      {Reason::bad_user_name_or_password, false}});
}

TEST_CASE("client_connack: no room for the session is refused, and told once") {
  Settings settings;
  settings.limits.max_sessions = 1;
  Cluster cluster(settings);
  Hooks hooks;
  std::vector<Reason> calls;
  hooks.connack = [&](const ConnackRequest& request) {
    calls.push_back(request.reason);
    return ConnackAnswer{};
  };
  cluster.set_hooks(hooks.install());
  Client first(cluster), second(cluster), again(cluster);
  first.connect({.id = "c"});
  CHECK(second.connect({.id = "d"}).reason() == Reason::quota_exceeded);
  CHECK(again.connect({.id = "c"}).reason() == Reason::success);
  CHECK(calls == std::vector<Reason>{Reason::success, Reason::quota_exceeded, Reason::success});
}

TEST_CASE("authenticate: a credential that expires ends the connection") {
  Cluster cluster;
  Hooks hooks;
  AuthAnswer answer{.verdict = Verdict::allow, .expiry_s = 60};
  hooks.authenticate = [&](const AuthRequest&) { return answer; };
  cluster.set_hooks(hooks.install());
  Client watcher(cluster), client(cluster), old(cluster, Version::v311), renewing(cluster);
  renewing.connect({.id = "r", .auth_method = "m"});
  client.connect({.id = "c", .expiry_s = 1000, .will = wire::WillSpec{.topic = "gone"}});
  old.connect({.id = "o"});
  answer.expiry_s = 0;
  watcher.connect({.id = "w"});
  watcher.subscribe({.filter = "gone"});
  cluster.advance(30'000);
  answer.expiry_s = 60;
  renewing.send(wire::auth(Reason::reauthenticate, "m", "x"));
  renewing.take();
  cluster.advance(29'900);
  CHECK_FALSE(client.closed());
  cluster.advance(200);
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::maximum_connect_time);
  CHECK(client.closed());
  CHECK(old.closed());
  CHECK(watcher.expect(PacketType::publish).topic == "gone");
  CHECK(cluster.has_session("c"));
  CHECK_FALSE(renewing.closed());
  answer.expiry_s = 0;  // for ever now
  renewing.send(wire::auth(Reason::reauthenticate, "m", "x"));
  cluster.advance(1'000'000);
  CHECK_FALSE(renewing.closed());
  CHECK_FALSE(watcher.closed());
}

TEST_CASE("subscribe: replaces filters, changes options, denies with a code") {
  Cluster cluster;
  Hooks hooks;
  hooks.subscribe = [](const FiltersRequest& request) {
    CHECK(request.client.client_id == "c");
    REQUIRE(request.filters.size() == 1);
    FilterChoice& choice = request.filters[0];
    if (choice.filter == "a") choice.replacement = "b/#";
    if (choice.filter == "bad") choice.replacement = "x/#/y";
    if (choice.filter == "secret") choice.reason = Reason::quota_exceeded;
    if (choice.filter == "odd") choice.reason = Reason::banned;  // not for a SUBACK
    if (choice.filter == "low") choice.qos = 0;
    if (choice.filter == "high") choice.qos = 77;
    if (choice.filter == "$share/g/s") choice.no_local = true;
    if (choice.filter == "mine") choice.no_local = choice.retain_as_published = true;
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  client.connect({.id = "c"});
  const auto granted = [&](const std::string& filter, std::uint8_t qos) {
    client.send(wire::subscribe({.filter = filter, .qos = qos, .id = 9}, Version::v5));
    return client.expect(PacketType::suback).reason();
  };
  CHECK(granted("a", 1) == Reason::granted_qos1);
  CHECK(granted("bad", 1) == Reason::topic_filter_invalid);
  CHECK(granted("secret", 1) == Reason::quota_exceeded);
  CHECK(granted("odd", 1) == Reason::not_authorized);
  CHECK(granted("low", 2) == Reason::success);
  CHECK(granted("high", 0) == Reason::granted_qos2);
  CHECK(granted("mine", 0) == Reason::success);
  CHECK(granted("$share/g/s", 0) == Reason::success);
  Strings filters;
  cluster.broker().show_subscriptions("c", [&](const SubscriptionInfo& s) {
    filters.push_back(s.filter + (s.no_local ? " no_local" : "") +
                      (s.retain_as_published ? " rap" : ""));
  });
  CHECK(filters == Strings{"b/#", "low", "high", "mine no_local rap", "$share/g/s"});
}

TEST_CASE("subscribe: once per packet, although authorization makes it wait") {
  Cluster cluster;
  Hooks hooks;
  int calls = 0;
  Strings asked;
  std::vector<AuthTicket> tickets;
  hooks.subscribe = [&](const FiltersRequest& request) {
    ++calls;
    for (FilterChoice& choice : request.filters)
      choice.replacement = "in/" + std::string(choice.filter);
  };
  hooks.authorize = [&](const AuthorizeRequest& request) {
    asked.emplace_back(request.topic);
    tickets.push_back(request.ticket);
    return Verdict::pending;
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  client.connect({.id = "c"});
  const std::string two = wire::packet(0x82, wire::u16(7) + wire::varint(0) + wire::text("a") +
                                                 wire::u8(0) + wire::text("b") + wire::u8(1));
  for (int packet = 1; packet <= 2; ++packet) {
    client.send(two);
    while (client.silent()) {
      cluster.broker().resolve(tickets.back(), {.verdict = Verdict::allow});
      cluster.settle();
    }
    const wire::Received suback = client.expect(PacketType::suback);
    CHECK(suback.reasons == std::vector<Reason>{Reason::success, Reason::granted_qos1});
    CHECK(calls == packet);
  }
  CHECK(asked == Strings{"in/a", "in/b"});
}

TEST_CASE("unsubscribe: replaces and denies") {
  Cluster cluster;
  Hooks hooks;
  hooks.unsubscribe = [](const FiltersRequest& request) {
    FilterChoice& choice = request.filters[0];
    if (choice.filter == "a") choice.replacement = "b";
    if (choice.filter == "keep") choice.reason = Reason::not_authorized;
    if (choice.filter == "bad") choice.replacement = "#/#";
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "b"});
  client.subscribe({.filter = "keep"});
  const std::pair<const char*, Reason> cases[] = {{"a", Reason::success},
                                                  {"a", Reason::no_subscription_existed},
                                                  {"keep", Reason::not_authorized},
                                                  {"bad", Reason::topic_filter_invalid}};
  for (const auto& [filter, reason] : cases) {
    client.send(wire::unsubscribe(filter, 3, Version::v5));
    CHECK(client.expect(PacketType::unsuback).reason() == reason);
  }
  CHECK(cluster.session("c").subscriptions == 1);
}

}  // namespace
}  // namespace keel::kernel
