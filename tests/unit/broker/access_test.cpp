// Who is kept out whatever its credentials: bans, flapping, addresses whose logins fail.
#include "hooks_support.hpp"
#include "kernel/broker/ban_text.hpp"

namespace keel::kernel {
namespace {

Endpoint at(const std::string& address) { return Endpoint::parse(address, 40'000).value(); }

void ban(Cluster& cluster, BanKind kind, const std::string& value) {
  auto made = make_ban(kind, value);
  REQUIRE_MESSAGE(made, made.error());
  made->by = "ctl";
  REQUIRE(cluster.realm().bans.add(*made));
  cluster.settle();
}

Client from(Cluster& cluster, const std::string& address, Version version = Version::v5) {
  return Client(cluster, version, 0, nullptr, at(address));
}

// ---- bans

TEST_CASE("banned: refused at CONNECT by each of its names, in the client's own words") {
  struct Row {
    BanKind kind;
    const char* value;
  };
  for (const Row& row :
       {Row{BanKind::client, "c"}, Row{BanKind::user, "u"}, Row{BanKind::address, "10.0.0.0/8"}}) {
    for (const Version version : {Version::v31, Version::v311, Version::v5}) {
      CAPTURE(row.value);
      Cluster cluster;
      Hooks hooks;
      int asked = 0;
      hooks.authenticate = [&](const AuthRequest&) {
        ++asked;
        return AuthAnswer{.verdict = Verdict::allow};
      };
      cluster.set_hooks(hooks.install());
      const wire::ConnectSpec spec{.id = "c", .user = "u", .password = "p"};
      Client before = from(cluster, "10.1.2.3", version);
      CHECK(before.connect(spec).reason() == Reason::success);
      before.disconnect();
      ban(cluster, row.kind, row.value);
      Client client = from(cluster, "10.1.2.3", version);
      const Reason told = version == Version::v5 ? Reason::banned : static_cast<Reason>(5);
      CHECK(client.connect(spec).reason() == told);
      CHECK(client.closed());
      CHECK(asked == 1);  // not about the banned one
      CHECK(cluster.total(Metric::banned_refused) == 1);
      CHECK(cluster.total(Metric::auth_failure) == 0);
      Client other = from(cluster, "11.1.2.3", version);
      CHECK(other.connect({.id = "d", .user = "v", .password = "p"}).reason() == Reason::success);
    }
  }
}

TEST_CASE("banned: by the names that count in the end") {
  Cluster cluster;
  SUBCASE("put in by a hook") {
    Hooks hooks;
    hooks.connect = [](const ConnectRequest&) {
      ConnectAnswer answer;
      answer.client_id = "other";
      return answer;
    };
    cluster.set_hooks(hooks.install());
    ban(cluster, BanKind::client, "other");
    Client client(cluster);
    CHECK(client.connect({.id = "c"}).reason() == Reason::banned);
    ban(cluster, BanKind::client, "c");
    REQUIRE(cluster.realm().bans.remove(BanKind::client, "other"));
    cluster.settle();
    Client renamed(cluster);
    CHECK(renamed.connect({.id = "c"}).reason() == Reason::success);
  }
  SUBCASE("the user name as the client id") {
    auto listener = std::make_shared<ListenerInfo>();
    listener->settings.username_as_clientid = true;
    Hooks hooks;
    hooks.authenticate = [](const AuthRequest&) { return AuthAnswer{.verdict = Verdict::allow}; };
    cluster.set_hooks(hooks.install());
    ban(cluster, BanKind::client, "u");
    Client client(cluster, Version::v5, 0, listener);
    CHECK(client.connect({.id = "c", .user = "u", .password = "p"}).reason() == Reason::banned);
  }
}

TEST_CASE("banned: on every shard, also where the client does not belong") {
  Cluster cluster({}, 3);
  const std::string id = cluster.id_on(2);
  ban(cluster, BanKind::client, id);
  for (std::uint32_t shard = 0; shard < 3; ++shard) {
    Client client(cluster, Version::v5, shard);
    CHECK(client.connect({.id = id}).reason() == Reason::banned);
  }
  CHECK(cluster.total(Metric::banned_refused) == 3);
}

TEST_CASE("banned: while the answer about it is awaited") {
  Cluster cluster;
  Hooks hooks;
  AuthTicket ticket;
  hooks.authenticate = [&](const AuthRequest& request) {
    ticket = request.ticket;
    return AuthAnswer{.verdict = Verdict::pending};
  };
  cluster.set_hooks(hooks.install());
  Client client(cluster);
  client.send(wire::connect({.id = "c", .user = "u", .password = "p"}, Version::v5));
  ban(cluster, BanKind::user, "u");
  cluster.broker().resolve(ticket, {.verdict = Verdict::allow});
  cluster.settle();
  CHECK(client.expect(PacketType::connack).reason() == Reason::banned);
  CHECK(client.closed());
}

TEST_CASE("banned: connected clients go at once, without their wills") {
  struct Row {
    BanKind kind;
    const char* value;
  };
  for (const Row& row : {Row{BanKind::client, "c"}, Row{BanKind::user, "u"},
                         Row{BanKind::address, "10.1.2.3"}, Row{BanKind::address, "10.0.0.0/8"}}) {
    for (const Version version : {Version::v311, Version::v5}) {
      CAPTURE(row.value);
      Cluster cluster({}, 2);
      Hooks hooks;
      hooks.authenticate = [](const AuthRequest&) { return AuthAnswer{.verdict = Verdict::allow}; };
      cluster.set_hooks(hooks.install());
      Client watcher(cluster), other = from(cluster, "11.0.0.1");
      watcher.connect({.id = "w"});
      watcher.subscribe({.filter = "will/#"});
      other.connect({.id = "d", .user = "v"});
      Client client = from(cluster, "10.1.2.3", version);
      client.connect({.id = "c",
                      .clean = false,
                      .user = "u",
                      .password = "p",
                      .will = wire::WillSpec{.topic = "will/c", .payload = "x"}});
      ban(cluster, row.kind, row.value);
      CHECK(client.closed());
      if (version == Version::v5)
        CHECK(client.expect(PacketType::disconnect).reason() == Reason::administrative_action);
      CHECK(client.silent());
      CHECK(watcher.silent());
      CHECK_FALSE(watcher.closed());
      CHECK_FALSE(other.closed());
      CHECK(cluster.total(Gauge::connections) == 2);
    }
  }
}

TEST_CASE("banned: a will that waits for its delay is not published") {
  for (const bool ban_it : {false, true}) {
    Cluster cluster;
    Client watcher(cluster), client(cluster);
    watcher.connect({.id = "w"});
    watcher.subscribe({.filter = "will"});
    client.connect({.id = "c",
                    .clean = false,
                    .expiry_s = 100,
                    .will = wire::WillSpec{.topic = "will", .payload = "x", .delay_s = 10}});
    client.hang_up();
    if (ban_it) ban(cluster, BanKind::client, "c");
    cluster.advance(11'000);
    CHECK(watcher.silent() == ban_it);
    CHECK(cluster.has_session("c"));
  }
}

TEST_CASE("banned: many connections are looked at, in slices, while others go on") {
  Cluster cluster;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3'500; ++i) {
    const bool guilty = i % 2 == 0;
    clients.push_back(std::make_unique<Client>(cluster, Version::v5, 0, nullptr,
                                               at(guilty ? "10.0.0.1" : "11.0.0.1")));
    clients.back()->wire().sent = wire::connect({.id = "c" + std::to_string(i)}, Version::v5);
  }
  cluster.settle();
  auto made = make_ban(BanKind::address, "10.0.0.0/8");
  REQUIRE(cluster.realm().bans.add(*made));
  cluster.turn();
  CHECK(cluster.total(Gauge::connections) > 1'750);  // not all in one turn
  // A second ban on the way is not forgotten.
  REQUIRE(cluster.realm().bans.add(*make_ban(BanKind::user, "nobody")));
  REQUIRE(cluster.realm().bans.add(*make_ban(BanKind::address, "11.0.0.1")));
  cluster.settle();
  CHECK(cluster.total(Gauge::connections) == 0);
}

TEST_CASE("banned: over by its time, or by the operator's word, and let in again") {
  Cluster cluster;
  auto made = make_ban(BanKind::client, "c");
  made->until_s = 1'000;
  REQUIRE(cluster.realm().bans.add(*made));
  cluster.settle();
  Client refused(cluster);
  CHECK(refused.connect({.id = "c"}).reason() == Reason::banned);
  cluster.realm().bans.tick(1'000);
  cluster.settle();
  Client admitted(cluster);
  CHECK(admitted.connect({.id = "c"}).reason() == Reason::success);
}

// ---- flapping

Settings flapping_settings() {
  Settings settings;
  settings.flapping = {.enabled = true, .max_disconnects = 3, .window_s = 60, .ban_for_s = 100};
  return settings;
}

std::size_t tick_bans(Cluster& cluster) {
  cluster.realm().bans.tick(0);
  cluster.settle();
  return cluster.realm().bans.size();
}

TEST_CASE("flapping: a client that comes and goes is banned, however it goes") {
  for (const int how : {0, 1, 2}) {
    CAPTURE(how);
    Cluster cluster(flapping_settings());
    for (int i = 0; i < 4; ++i) {
      CHECK(tick_bans(cluster) == 0);
      Client client = from(cluster, "10.1.2.3");
      client.connect({.id = "c"});
      if (how == 0) client.disconnect();
      if (how == 1) client.hang_up();
      if (how == 2) client.send("\xff\xff\xff\xff\xff\xff");
      CHECK(client.closed());
    }
    CHECK(tick_bans(cluster) == 1);
    const BanPtr made = cluster.realm().bans.list()[0];
    CHECK(made->value == "c");
    CHECK(made->by == "flapping");
    CHECK(made->until_s == made->at_s + 100);
    CHECK(made->reason.find("10.1.2.3") != std::string::npos);
    CHECK(cluster.total(Metric::flapping_bans) == 1);
    Client refused(cluster);
    CHECK(refused.connect({.id = "c"}).reason() == Reason::banned);
    Client other(cluster);
    CHECK(other.connect({.id = "d"}).reason() == Reason::success);
  }
}

TEST_CASE("flapping: two clients that fight for one id") {
  Cluster cluster(flapping_settings());
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<Client>(cluster));
    clients.back()->connect({.id = "c"});
  }
  CHECK(tick_bans(cluster) == 1);
  for (auto& client : clients) CHECK(client->closed());
}

TEST_CASE("flapping: off, slow, refused or sent away by the operator: no ban") {
  SUBCASE("off") {
    Cluster cluster;
    for (int i = 0; i < 30; ++i) {
      Client client(cluster);
      client.connect({.id = "c"});
      client.disconnect();
    }
    CHECK(tick_bans(cluster) == 0);
  }
  SUBCASE("slow") {
    Cluster cluster(flapping_settings());
    for (int i = 0; i < 20; ++i) {
      Client client(cluster);
      client.connect({.id = "c"});
      client.disconnect();
      cluster.advance(20'001);
    }
    CHECK(tick_bans(cluster) == 0);
  }
  SUBCASE("refused") {
    Cluster cluster(flapping_settings());
    for (int i = 0; i < 20; ++i) {
      Client client(cluster);
      client.connect({.id = "c", .user = "u"});
    }
    CHECK(tick_bans(cluster) == 0);
  }
  SUBCASE("kicked") {
    Cluster cluster(flapping_settings());
    for (int i = 0; i < 20; ++i) {
      Client client(cluster);
      client.connect({.id = "c"});
      CHECK(cluster.broker().kick("c"));
      cluster.settle();
    }
    CHECK(tick_bans(cluster) == 0);
  }
  SUBCASE("turned on by a reload, and off again") {
    Cluster cluster;
    cluster.change([](Settings& s) { s.flapping = flapping_settings().flapping; });
    for (int i = 0; i < 3; ++i) {
      Client client(cluster);
      client.connect({.id = "c"});
      client.disconnect();
    }
    cluster.change([](Settings& s) { s.flapping.enabled = false; });
    cluster.change([](Settings& s) { s.flapping.enabled = true; });
    Client client(cluster);
    client.connect({.id = "c"});
    client.disconnect();
    CHECK(tick_bans(cluster) == 0);
  }
}

// ---- failures

Settings failure_settings() {
  Settings settings;
  settings.auth = {.max_failures = 3, .failure_window_s = 60};
  return settings;
}

struct Gatekeeper {
  Hooks hooks;
  AuthAnswer answer{.verdict = Verdict::deny, .reason = Reason::bad_user_name_or_password};
  int asked = 0;

  const HookTable& install() {
    hooks.authenticate = [this](const AuthRequest&) {
      ++asked;
      return answer;
    };
    return hooks.install();
  }
};

Reason login(Cluster& cluster, const std::string& address, Version version = Version::v5) {
  Client client = from(cluster, address, version);
  return client.connect({.id = "c", .user = "u", .password = "p"}).reason();
}

TEST_CASE("failures: an address over the limit is refused before anybody is asked") {
  for (const Version version : {Version::v31, Version::v311, Version::v5}) {
    Cluster cluster(failure_settings(), 2);
    Gatekeeper gate;
    cluster.set_hooks(gate.install());
    const Reason refused =
        version == Version::v5 ? Reason::connection_rate_exceeded : static_cast<Reason>(3);
    for (int i = 0; i < 3; ++i) CHECK(login(cluster, "10.0.0.1", version) != refused);
    CHECK(gate.asked == 3);
    gate.answer = {.verdict = Verdict::allow};
    CHECK(login(cluster, "10.0.0.1", version) == refused);
    CHECK(gate.asked == 3);
    CHECK(cluster.total(Metric::auth_rate_limited) == 1);
    CHECK(cluster.total(Metric::auth_failure) == 3);
    CHECK(login(cluster, "10.0.0.2", version) == Reason::success);  // another address
    Client anonymous = from(cluster, "10.0.0.1", version);
    CHECK(anonymous.connect({.id = "a"}).reason() == Reason::success);  // without credentials
    cluster.advance(61'000);
    CHECK(login(cluster, "10.0.0.1", version) == Reason::success);
  }
}

TEST_CASE("failures: what counts as one") {
  struct Row {
    const char* what;
    AuthAnswer answer;
    bool counts;
  };
  const Row rows[] = {
      {"wrong", {.verdict = Verdict::deny, .reason = Reason::bad_user_name_or_password}, true},
      {"not authorized", {.verdict = Verdict::deny, .reason = Reason::not_authorized}, true},
      {"banned", {.verdict = Verdict::deny, .reason = Reason::banned}, true},
      {"nobody accepts", {.verdict = Verdict::next}, true},
      {"allowed", {.verdict = Verdict::allow}, false},
      {"cannot tell", {.verdict = Verdict::deny, .reason = Reason::server_unavailable}, false},
      {"busy", {.verdict = Verdict::deny, .reason = Reason::server_busy}, false},
      {"moved", {.verdict = Verdict::deny, .reason = Reason::use_another_server}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Cluster cluster(failure_settings());
    Gatekeeper gate;
    gate.answer = row.answer;
    cluster.set_hooks(gate.install());
    for (int i = 0; i < 3; ++i) login(cluster, "10.0.0.1");
    CHECK((login(cluster, "10.0.0.1") == Reason::connection_rate_exceeded) == row.counts);
  }
}

TEST_CASE("failures: clients without credentials neither count nor are refused") {
  Cluster cluster(failure_settings());
  auto listener = std::make_shared<ListenerInfo>();
  listener->loopback_only = false;
  for (int i = 0; i < 10; ++i) {
    Client client(cluster, Version::v5, 0, listener, at("10.0.0.1"));
    CHECK(client.connect({.id = "c"}).reason() == Reason::not_authorized);
  }
  CHECK(login(cluster, "10.0.0.1") == Reason::bad_user_name_or_password);
}

TEST_CASE("failures: enhanced authentication counts, in CONNECT and later") {
  Cluster cluster(failure_settings());
  Gatekeeper gate;
  cluster.set_hooks(gate.install());
  const auto exchange = [&](Client& client) {
    gate.answer = {.verdict = Verdict::more, .data = "challenge"};
    client.send(wire::connect({.id = "c", .auth_method = "M", .auth_data = "1"}, Version::v5));
    client.expect(PacketType::auth);
  };
  for (int i = 0; i < 2; ++i) {
    Client client = from(cluster, "10.0.0.1");
    exchange(client);
    gate.answer = {.verdict = Verdict::deny, .reason = Reason::bad_user_name_or_password};
    client.send(wire::auth(Reason::continue_authentication, "M", "wrong"));
    CHECK(client.expect(PacketType::connack).reason() == Reason::bad_user_name_or_password);
  }
  Client client = from(cluster, "10.0.0.1");
  exchange(client);
  gate.answer = {.verdict = Verdict::allow};
  client.send(wire::auth(Reason::continue_authentication, "M", "right"));
  CHECK(client.expect(PacketType::connack).reason() == Reason::success);
  gate.answer = {.verdict = Verdict::deny, .reason = Reason::not_authorized};
  client.send(wire::auth(Reason::reauthenticate, "M", "wrong"));
  CHECK(client.expect(PacketType::disconnect).reason() == Reason::not_authorized);
  Client again = from(cluster, "10.0.0.1");
  CHECK(again.connect({.id = "c", .auth_method = "M", .auth_data = "1"}).reason() ==
        Reason::connection_rate_exceeded);
}

TEST_CASE("failures: an answer on its way when the limit is reached still counts") {
  Cluster cluster(failure_settings());
  Gatekeeper gate;
  cluster.set_hooks(gate.install());
  std::vector<AuthTicket> tickets;
  gate.hooks.authenticate = [&](const AuthRequest& request) {
    tickets.push_back(request.ticket);
    return AuthAnswer{.verdict = Verdict::pending};
  };
  Client good = from(cluster, "10.0.0.1");
  good.send(wire::connect({.id = "good", .user = "u", .password = "p"}, Version::v5));
  gate.hooks.authenticate = [&](const AuthRequest&) { return gate.answer; };
  for (int i = 0; i < 3; ++i) login(cluster, "10.0.0.1");
  cluster.broker().resolve(tickets.at(0), {.verdict = Verdict::allow});
  cluster.settle();
  CHECK(good.expect(PacketType::connack).reason() == Reason::success);
}

TEST_CASE("failures: no limit, and names that a certificate proves") {
  Settings off = failure_settings();
  off.auth.max_failures = 0;
  Cluster unlimited(off);
  for (int i = 0; i < 200; ++i)
    CHECK(login(unlimited, "10.0.0.1") == Reason::bad_user_name_or_password);

  Cluster cluster(failure_settings());
  for (int i = 0; i < 3; ++i) login(cluster, "10.0.0.1");
  auto listener = std::make_shared<ListenerInfo>();
  listener->settings.username_from = CertificateIdentity::cn;
  Client client(cluster, Version::v5, 0, listener, at("10.0.0.1"));
  // Refused for want of a certificate, not for the failures of others.
  CHECK(client.connect({.id = "c", .user = "u", .password = "p"}).reason() ==
        Reason::not_authorized);
}

}  // namespace
}  // namespace keel::kernel
