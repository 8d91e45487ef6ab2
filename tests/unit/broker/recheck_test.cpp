// Rules have changed: subscriptions that exist are asked about again.
#include <algorithm>
#include <map>
#include <set>

#include "hooks_support.hpp"

namespace keel::kernel {
namespace {

using Progress = Broker::RecheckProgress;

// A broker whose authorize hook allows what is not in `denied`, and notes what it is asked.
struct Fixture {
  explicit Fixture(Settings settings = {}, std::uint32_t shards = 1)
      : cluster(std::move(settings), shards) {
    hooks.authorize = [this](const AuthorizeRequest& request) {
      if (request.action == Action::publish) return Verdict::allow;
      asked.push_back(std::string(request.client.client_id) + ":" + std::string(request.topic));
      peers.push_back(request.client.peer);
      qos.push_back(request.qos);
      if (pends) {
        tickets.push_back(request.ticket);
        return Verdict::pending;
      }
      return denied.contains(std::string(request.topic)) ? Verdict::deny : Verdict::allow;
    };
    hooks.forgotten = [this](const AuthTicket& ticket) { forgotten.push_back(ticket.number); };
    hooks.authenticate = [this](const AuthRequest&) {
      return AuthAnswer{
          .verdict = Verdict::allow, .superuser = superuser, .mountpoint = mountpoint};
    };
    hooks.table.notify = {[](void* self, const EventInfo& info) {
                            static_cast<Fixture*>(self)->events.push_back(
                                std::string(info.client.client_id) + " " + std::string(info.topic) +
                                " " + std::string(info.reason));
                          },
                          this};
    hooks.table.event_mask = event_bit(Event::session_unsubscribed);
    cluster.set_hooks(hooks.install());
  }

  // Begins one on every shard.
  std::shared_ptr<Progress> begin(std::string_view client_id = {}) {
    auto progress = std::make_shared<Progress>();
    asked.clear();
    peers.clear();
    for (Broker* broker : cluster.realm().brokers)
      broker->recheck(client_id, progress, [this] { ++done; });
    return progress;
  }
  std::shared_ptr<Progress> recheck(std::string_view client_id = {}) {
    auto progress = begin(client_id);
    cluster.settle();
    return progress;
  }
  Strings sorted() {
    std::ranges::sort(asked);
    return asked;
  }
  void answer(const AuthTicket& ticket, Verdict verdict) {
    cluster.broker(ticket.shard).resolve(ticket, {.verdict = verdict});
    cluster.settle();
  }
  void publish(const std::string& topic) {
    cluster.broker().publish_own(topic, "m", 0, false);
    cluster.settle();
  }

  Cluster cluster;
  Hooks hooks;
  std::set<std::string> denied;
  bool pends = false, superuser = false;
  std::string mountpoint;
  Strings asked, events;
  std::vector<const PeerInfo*> peers;
  std::vector<std::uint8_t> qos;
  std::vector<AuthTicket> tickets;
  std::vector<std::uint64_t> forgotten;
  int done = 0;
};

TEST_CASE("recheck: what is no longer allowed ends, the rest stays") {
  Fixture f;
  Client client(f.cluster), other(f.cluster);
  client.connect({.id = "c"});
  other.connect({.id = "o"});
  client.subscribe({.filter = "a", .qos = 1});
  client.subscribe({.filter = "b/+", .qos = 2});
  other.subscribe({.filter = "a"});
  f.qos.clear();
  f.denied = {"b/+"};
  const auto progress = f.recheck();
  CHECK(f.sorted() == Strings{"c:a", "c:b/+", "o:a"});
  std::ranges::sort(f.qos);
  CHECK(f.qos == std::vector<std::uint8_t>{0, 1, 2});
  CHECK(std::ranges::none_of(f.peers, [](const PeerInfo* peer) { return peer == nullptr; }));
  CHECK(f.events == Strings{"c b/+ not_authorized"});
  CHECK(progress->asked == 3);
  CHECK(progress->removed == 1);
  CHECK(f.done == 1);
  CHECK(f.cluster.total(Metric::subscriptions_rechecked) == 3);
  CHECK(f.cluster.total(Metric::subscriptions_revoked) == 1);
  CHECK(f.cluster.total(Gauge::subscriptions) == 2);
  CHECK(!client.closed());
  f.publish("a");
  f.publish("b/x");
  CHECK(client.payloads() == Strings{"m"});
  CHECK(other.payloads() == Strings{"m"});
}

TEST_CASE("recheck: filters are shown as the client knows them") {
  Fixture f;
  f.mountpoint = "home/%c/";
  Client client(f.cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "$share/group/a/b"});
  client.subscribe({.filter = "d/#"});
  f.denied = {"a/b"};
  CHECK(f.recheck()->removed == 1);
  CHECK(f.sorted() == Strings{"c:a/b", "c:d/#"});
  CHECK(f.events == Strings{"c $share/group/home/c/a/b not_authorized"});
  CHECK(f.cluster.total(Gauge::subscriptions) == 1);
  CHECK(f.cluster.total(Gauge::subscriptions_shared) == 0);
}

TEST_CASE("recheck: superusers are not asked about") {
  Fixture f;
  f.superuser = true;
  Client client(f.cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "a"});
  f.denied = {"a"};
  CHECK(f.recheck()->asked == 0);
  CHECK(f.asked.empty());
  CHECK(f.done == 1);
  f.publish("a");
  CHECK(client.payloads() == Strings{"m"});
}

TEST_CASE("recheck: acl_deny_action = disconnect ends the connection, and the subscription too") {
  Settings settings;
  settings.mqtt.acl_deny_disconnect = true;
  Fixture f(std::move(settings));
  Client fresh(f.cluster), old(f.cluster, Version::v311);
  fresh.connect({.id = "fresh", .expiry_s = 3600});
  old.connect({.id = "old"});
  for (Client* client : {&fresh, &old})
    for (const char* filter : {"a", "b", "c"}) client->subscribe({.filter = filter});
  f.denied = {"a", "c"};
  const auto progress = f.recheck();
  CHECK(fresh.expect(PacketType::disconnect).reason() == Reason::not_authorized);
  CHECK(fresh.closed());
  CHECK(old.closed());
  CHECK(f.cluster.session("fresh").subscriptions == 1);
  CHECK(!f.cluster.has_session("old"));
  CHECK(progress->removed == 3);  // the old client's session ended with the first one
  CHECK(f.done == 1);
}

TEST_CASE("recheck: a client that is away is asked about without address, and again with it") {
  Fixture f;
  const wire::ConnectSpec spec{.id = "c", .clean = false, .expiry_s = 3600, .user = "u"};
  const auto subscribe = [&](const char* filter) {
    Client client(f.cluster);
    client.connect(spec);
    client.subscribe({.filter = filter, .qos = 1});
    client.disconnect();
  };
  subscribe("a");
  subscribe("b");
  f.denied = {"b"};
  f.recheck();
  CHECK(f.sorted() == Strings{"c:a", "c:b"});
  CHECK(f.peers == std::vector<const PeerInfo*>{nullptr, nullptr});
  CHECK(f.cluster.session("c").subscriptions == 1);

  f.asked.clear();
  f.peers.clear();
  f.cluster.broker().publish_own("a", "kept", 1, false);
  f.denied = {"a"};
  {
    Client back(f.cluster);
    back.connect(spec);
    CHECK(f.asked == Strings{"c:a"});
    CHECK(f.peers.at(0) != nullptr);
    CHECK(f.cluster.session("c").subscriptions == 0);
    const wire::Received kept = back.expect(PacketType::publish);  // queued when that was right
    CHECK(kept.payload == "kept");
    back.ack(PacketType::puback, kept.id);
    back.disconnect();
  }
  f.asked.clear();
  subscribe("d");
  CHECK(f.asked == Strings{"c:d"});  // by SUBSCRIBE: nothing has changed since
  Client again(f.cluster);
  again.connect(spec);
  CHECK(f.asked == Strings{"c:d"});
}

TEST_CASE("recheck: one client, there or away") {
  Fixture f({}, 2);
  const std::string mine = f.cluster.id_on(0), far = f.cluster.id_on(1);
  Client here(f.cluster), there(f.cluster);
  here.connect({.id = mine});
  there.connect({.id = far, .clean = false, .expiry_s = 3600});
  here.subscribe({.filter = "a"});
  there.subscribe({.filter = "a"});
  f.denied = {"a"};
  f.asked.clear();
  const auto progress = std::make_shared<Progress>();
  f.cluster.home(far).recheck(far, progress, [&f] { ++f.done; });
  f.cluster.settle();
  CHECK(f.asked == Strings{far + ":a"});
  CHECK(progress->removed == 1);
  CHECK(f.done == 1);
  f.denied = {};
  there.subscribe({.filter = "b"});
  there.disconnect();
  f.asked.clear();
  f.cluster.home(far).recheck(far, progress, [&f] { ++f.done; });
  f.cluster.home("nobody").recheck("nobody", progress, [&f] { ++f.done; });
  f.cluster.settle();
  CHECK(f.done == 3);
  Client back(f.cluster);
  back.connect({.id = far, .clean = false, .expiry_s = 3600});
  CHECK(f.asked == Strings{far + ":b", far + ":b"});
}

TEST_CASE("recheck: without a hook the settings decide") {
  Fixture f;
  Client client(f.cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "a"});
  f.cluster.set_hooks(no_hooks());
  CHECK(f.recheck()->removed == 0);
  f.cluster.change([](Settings& settings) { settings.mqtt.acl_nomatch_allow = false; });
  CHECK(f.recheck()->removed == 1);
  CHECK(f.done == 2);
}

TEST_CASE("recheck: retained messages of a subscription that ends stop") {
  Fixture f;
  for (int i = 0; i < 50; ++i)
    f.cluster.broker().publish_own("r/" + std::to_string(i), "kept", 1, true);
  Client client(f.cluster);
  client.connect({.id = "c", .receive_maximum = 1});
  client.subscribe({.filter = "r/#", .qos = 1});
  const wire::Received first = client.expect(PacketType::publish);
  f.denied = {"r/#"};
  CHECK(f.recheck()->removed == 1);
  client.ack(PacketType::puback, first.id);
  CHECK(client.silent());
}

TEST_CASE("recheck: answers may come later; the connection goes on meanwhile") {
  Fixture f;
  Client client(f.cluster);
  client.connect({.id = "c"});
  for (const char* filter : {"a", "b", "c"}) client.subscribe({.filter = filter});
  f.pends = true;
  const auto progress = f.recheck();
  REQUIRE(f.tickets.size() == 3);
  CHECK(f.done == 0);
  f.publish("c");
  CHECK(client.payloads() == Strings{"m"});
  f.answer(f.tickets[0], Verdict::deny);  // the last one is asked first
  CHECK(f.events == Strings{"c c not_authorized"});
  f.answer(f.tickets[1], Verdict::allow);
  CHECK(f.done == 0);
  SUBCASE("next is what the settings say") {
    f.answer(f.tickets[2], Verdict::next);
    CHECK(f.done == 1);
    CHECK(progress->removed == 1);
  }
  SUBCASE("none in five seconds is a no") {
    f.cluster.advance(5'100);
    CHECK(f.forgotten == std::vector<std::uint64_t>{f.tickets[2].number});
    CHECK(f.done == 1);
    CHECK(progress->removed == 2);
    CHECK(f.cluster.session("c").subscriptions == 1);
  }
  SUBCASE("a subscription that the client has given up meanwhile") {
    client.send(wire::unsubscribe("a", 9, Version::v5));
    client.expect(PacketType::unsuback);
    f.pends = false;
    Client other(f.cluster);  // may get the number that stood for it
    other.connect({.id = "o"});
    other.subscribe({.filter = "z"});
    f.answer(f.tickets[2], Verdict::deny);
    CHECK(f.done == 1);
    CHECK(progress->removed == 1);
    CHECK(f.cluster.session("o").subscriptions == 1);
    CHECK(f.cluster.session("c").subscriptions == 1);
  }
  SUBCASE("a client that has gone meanwhile, with its session") {
    client.hang_up();
    CHECK(f.forgotten == std::vector<std::uint64_t>{f.tickets[2].number});
    CHECK(f.done == 1);
    f.answer(f.tickets[2], Verdict::deny);  // nobody waits
    CHECK(progress->removed == 1);
  }
}

TEST_CASE("recheck: a client that leaves while it is asked about is asked about again") {
  Fixture f;
  Client client(f.cluster);
  client.connect({.id = "c", .clean = false, .expiry_s = 3600});
  client.subscribe({.filter = "a"});
  f.pends = true;
  f.recheck();
  REQUIRE(f.tickets.size() == 1);
  client.hang_up();
  CHECK(f.forgotten == std::vector<std::uint64_t>{f.tickets[0].number});
  REQUIRE(f.tickets.size() == 2);  // without what was known of the connection
  CHECK(f.peers.back() == nullptr);
  CHECK(f.done == 1);
  f.answer(f.tickets[0], Verdict::deny);
  CHECK(f.cluster.session("c").subscriptions == 1);
  f.answer(f.tickets[1], Verdict::deny);
  CHECK(f.cluster.session("c").subscriptions == 0);
}

TEST_CASE("recheck: some hundred at a turn, and 64 answers at a time") {
  Fixture f;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(f.cluster));
    clients.back()->connect({.id = "c" + std::to_string(i)});
    for (int k = 0; k < 10; ++k) clients.back()->subscribe({.filter = "f/" + std::to_string(k)});
  }
  SUBCASE("at once") {
    f.denied = {"f/0", "f/9"};
    const auto progress = f.begin();
    CHECK(f.asked.empty());
    std::size_t before = 0;
    while (f.done == 0) {
      REQUIRE(f.cluster.turn());
      CHECK(f.asked.size() - before <= 256);
      before = f.asked.size();
    }
    CHECK(f.asked.size() == 1000);
    CHECK(progress->asked == 1000);
    CHECK(progress->removed == 200);
    CHECK(f.cluster.total(Gauge::subscriptions) == 800);
  }
  SUBCASE("later") {
    f.pends = true;
    const auto progress = f.recheck();
    CHECK(f.tickets.size() == 64);
    for (std::size_t i = 0; i < 1000; ++i) {
      REQUIRE(f.tickets.size() == std::min<std::size_t>(1000, 64 + i));
      CHECK(f.done == 0);
      f.answer(f.tickets[i], i % 2 ? Verdict::deny : Verdict::allow);
    }
    CHECK(f.done == 1);
    CHECK(progress->removed == 500);
  }
}

TEST_CASE("recheck: those asked for meanwhile share one way through, which sees all") {
  Fixture f;
  Client client(f.cluster);
  client.connect({.id = "c"});
  for (int i = 0; i < 500; ++i) client.subscribe({.filter = "f/" + std::to_string(i)});
  const auto first = f.begin();
  f.cluster.turn();
  const std::size_t so_far = f.asked.size();
  CHECK(so_far > 0);
  CHECK(so_far < 500);
  f.denied = {"f/499"};  // the first has been past it
  const auto second = std::make_shared<Progress>(), third = std::make_shared<Progress>();
  f.cluster.broker().recheck({}, second, [&f] { ++f.done; });
  f.cluster.broker().recheck({}, third, [&f] { ++f.done; });
  f.cluster.settle();
  CHECK(f.done == 3);
  CHECK(f.asked.size() == 1000);
  CHECK(first->asked == 500);
  CHECK(first->removed == 0);
  CHECK(second->asked == 500);
  CHECK(second->removed == 1);
  CHECK(third->removed == 1);
}

TEST_CASE("recheck: a cancelled one stops") {
  Fixture f;
  Client client(f.cluster);
  client.connect({.id = "c"});
  for (int i = 0; i < 500; ++i) client.subscribe({.filter = "f/" + std::to_string(i)});
  const auto progress = f.begin();
  f.cluster.turn();
  const std::size_t so_far = f.asked.size();
  progress->cancelled = true;
  f.cluster.settle();
  CHECK(f.asked.size() == so_far);
  CHECK(f.done == 1);
  CHECK(f.recheck()->asked == 500);
}

TEST_CASE("recheck: remembered decisions are forgotten") {
  Fixture f;
  Client client(f.cluster);
  client.connect({.id = "c"});
  client.subscribe({.filter = "a"});
  f.asked.clear();
  client.subscribe({.filter = "a"});
  CHECK(f.asked.empty());
  f.recheck();
  client.subscribe({.filter = "a"});
  CHECK(f.asked == Strings{"c:a", "c:a"});
}

}  // namespace
}  // namespace keel::kernel
