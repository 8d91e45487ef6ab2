// Questions that are answered later, through every change of the chains meanwhile.
#include <doctest/doctest.h>

#include <thread>

#include "broker_host.hpp"
#include "keel/ext/auth.h"

namespace keel::test {
namespace {

std::string owned(keel_str from) { return std::string(view(from)); }

// Plugins whose hooks note what they are asked and leave it pending, or say what they are told to.
struct Asking {
  explicit Asking(std::uint32_t shards = 2) : host(shards) {}

  Slot& start(const std::string& name, std::int32_t verdict, std::int32_t priority = 0) {
    Slot& slot = acquire(name, verdict, priority);
    host.run(slot);
    return slot;
  }
  Slot& acquire(const std::string& name, std::int32_t verdict, std::int32_t priority = 0) {
    Slot& slot = host.plugin(name);
    const OnAuth auth = [this, name, verdict](const keel_auth_request* asked, keel_handle ticket,
                                              keel_auth_answer*) {
      note(name, owned(asked->client->client_id) + owned(asked->password), ticket);
      return verdict;
    };
    hooks.push_back(host.hook(slot, KEEL_HOOK_CLIENT_AUTHENTICATE, priority, auth));
    host.hook(slot, KEEL_HOOK_CLIENT_ENHANCED_AUTH, priority, auth);
    host.hook(
        slot, KEEL_HOOK_CLIENT_AUTHORIZE, priority,
        OnAuthorize([this, name, verdict](const keel_authorize_request* asked, keel_handle ticket) {
          note(name, owned(asked->topic), ticket);
          return verdict;
        }));
    return slot;
  }
  void note(const std::string& name, const std::string& about, keel_handle ticket) {
    last = ticket;
    notes.add(name + " " + about);
  }
  // Until so many questions were asked.
  keel_handle asked(std::size_t n = 1) {
    REQUIRE(host.eventually([&] { return notes.size() >= n; }));
    host.turns(1);
    return last;
  }
  keel_status resolve(Slot& slot, keel_handle ticket, std::int32_t verdict,
                      const keel_auth_attrs* attrs = nullptr) {
    return tables::auth.resolve(slot.host(), ticket, verdict, attrs);
  }
  // On the ticket's own shard, where it is known at once what became of it.
  keel_status resolve_there(Slot& slot, keel_handle ticket, std::int32_t verdict) {
    keel_status status = KEEL_OK;
    host.on_shard(HandleParts::thread(ticket), [&] { status = resolve(slot, ticket, verdict); });
    return status;
  }

  Notes notes;
  std::atomic<keel_handle> last{0};
  std::vector<keel_handle> hooks;  // of client_authenticate
  BrokerHost host;
};

TEST_CASE("a connect waits for its answer, whichever thread gives it") {
  struct Case {
    std::int32_t verdict;
    std::uint8_t reason;
    Reason expected;
  };
  const Case cases[] = {{KEEL_ALLOW, 0, Reason::success},
                        {KEEL_DENY, 0, Reason::bad_user_name_or_password},
                        {KEEL_DENY, 0x8A, Reason::banned},
                        {KEEL_NEXT, 0, Reason::bad_user_name_or_password},
                        {KEEL_STOP, 0, Reason::bad_user_name_or_password},
                        {KEEL_CONTINUE, 0, Reason::bad_user_name_or_password}};
  Asking f;
  Slot& slot = f.start("a", KEEL_PENDING);
  for (const Case& each : cases)
    for (const std::string who : {"control", "shard", "thread"}) {
      CAPTURE(each.verdict);
      CAPTURE(who);
      MqttClient client(f.host);
      client.begin_connect({.id = "c", .user = "u", .password = "secret"});
      const keel_handle ticket = f.asked();
      CHECK(f.notes.take() == Strings{"a csecret"});
      CHECK(HandleParts::kind(ticket) == ObjectKind::ticket);
      keel_auth_attrs attrs{};
      attrs.size = sizeof attrs;
      attrs.reason = each.reason;
      const auto answer = [&] { CHECK(f.resolve(slot, ticket, each.verdict, &attrs) == KEEL_OK); };
      if (who == "control") answer();
      if (who == "shard") f.host.on_shard(1 - HandleParts::thread(ticket), answer);
      if (who == "thread") std::thread(answer).join();
      CHECK(client.expect(PacketType::connack).reason() == each.expected);
    }
}

TEST_CASE("attributes of a late answer: superuser, mountpoint, data") {
  Asking f;
  Slot& slot = f.start("a", KEEL_PENDING);
  keel_auth_attrs attrs{};
  attrs.size = sizeof attrs;
  MqttClient client(f.host);
  client.begin_connect({.id = "c", .auth_method = "M", .auth_data = "1"});
  attrs.data = str("go on");
  CHECK(f.resolve(slot, f.asked(), KEEL_CONTINUE, &attrs) == KEEL_OK);
  CHECK(client.expect(PacketType::auth).string(Property::auth_data) == "go on");
  client.send(wire::auth(Reason::continue_authentication, "M", "2"));
  attrs.data = str("done");
  attrs.superuser = 1;
  attrs.mountpoint = str("m/");
  CHECK(f.resolve(slot, f.asked(2), KEEL_ALLOW, &attrs) == KEEL_OK);
  CHECK(client.expect(PacketType::connack).string(Property::auth_data) == "done");
  f.notes.take();
  CHECK(client.subscribe({.filter = "t"}).reason() == Reason::success);  // nobody was asked
  f.host.on_shard(0, [&] {
    std::uint32_t n = 0;
    CHECK(tables::broker.match_count(slot.host(), str("m/t"), &n) == KEEL_OK);
    CHECK(n == 1);
  });
  CHECK(f.notes.take().empty());
}

TEST_CASE("what is not answered: bad verdicts, foreign, old and invented tickets") {
  Asking f;
  Slot& slot = f.start("a", KEEL_PENDING);
  Slot& other = f.start("b", KEEL_NEXT);
  MqttClient client(f.host);
  client.begin_connect({.id = "c"});
  const keel_handle ticket = f.asked();
  for (const std::int32_t verdict : {KEEL_PENDING + 0, KEEL_REPLACE + 0, -1, 99})
    CHECK(f.resolve(slot, ticket, verdict) == KEEL_E_INVAL);
  keel_auth_attrs unsized{};
  CHECK(f.resolve(slot, ticket, KEEL_ALLOW, &unsized) == KEEL_E_INVAL);
  CHECK(f.resolve_there(other, ticket, KEEL_ALLOW) == KEEL_E_DENIED);
  CHECK(f.resolve(other, ticket, KEEL_ALLOW) == KEEL_OK);  // elsewhere it shows only later
  f.host.turns();
  for (const keel_handle bad : {keel_handle{0}, ~keel_handle{0}, f.hooks[0], ticket ^ 1u << 24,
                                ticket + 1, ticket | keel_handle{1} << 60}) {
    CAPTURE(bad);
    const keel_status status = HandleParts::thread(bad) < 2 ? f.resolve_there(slot, bad, KEEL_ALLOW)
                                                            : f.resolve(slot, bad, KEEL_ALLOW);
    CHECK(status == KEEL_E_STALE);
  }
  CHECK(f.resolve_there(slot, ticket, KEEL_ALLOW) == KEEL_OK);
  CHECK(client.expect(PacketType::connack).reason() == Reason::success);
  CHECK(f.resolve_there(slot, ticket, KEEL_DENY) == KEEL_E_STALE);
  CHECK(f.resolve(slot, ticket, KEEL_DENY) == KEEL_OK);
  f.host.turns();
  CHECK(client.silent());

  MqttClient gone(f.host);
  gone.begin_connect({.id = "g"});
  const keel_handle late = f.asked(2);
  gone.hang_up();
  REQUIRE(f.host.eventually([&] { return f.resolve_there(slot, late, KEEL_ALLOW) != KEEL_OK; }));
}

TEST_CASE("NEXT goes on with the hooks behind, and only those") {
  Asking f;
  f.start("front", KEEL_NEXT, 9);
  Slot& a = f.start("a", KEEL_PENDING, 5);
  Slot& b = f.start("b", KEEL_PENDING, 4);
  f.start("end", KEEL_DENY, 1);
  MqttClient client(f.host);
  client.begin_connect({.id = "c"});
  const keel_handle ticket = f.asked(2);
  CHECK(f.notes.take() == Strings{"front c", "a c"});
  CHECK(f.resolve(a, ticket, KEEL_NEXT) == KEEL_OK);
  CHECK(f.asked() == ticket);
  CHECK(f.notes.take() == Strings{"b c"});
  CHECK(f.resolve_there(a, ticket, KEEL_ALLOW) == KEEL_E_DENIED);  // b's now
  CHECK(f.resolve(b, ticket, KEEL_NEXT) == KEEL_OK);
  CHECK(client.expect(PacketType::connack).reason() == Reason::not_authorized);
  CHECK(f.notes.take() == Strings{"end c"});
}

TEST_CASE("the hooks behind stay the same when others come and go meanwhile") {
  Asking f;
  Slot& first = f.start("first", KEEL_NEXT, 9);
  Slot& a = f.start("a", KEEL_PENDING, 5);
  f.start("end", KEEL_DENY, 1);
  MqttClient client(f.host);
  client.begin_connect({.id = "c"});
  const keel_handle ticket = f.asked(2);
  SUBCASE("one in front goes") { f.host.unload(first); }
  SUBCASE("one in front comes") { f.start("top", KEEL_ALLOW, 20); }
  SUBCASE("the one that has it is removed") {
    CHECK(tables::hooks.remove(a.host(), f.hooks[1]) == KEEL_OK);
  }
  f.notes.take();
  CHECK(f.resolve(a, ticket, KEEL_NEXT) == KEEL_OK);
  CHECK(client.expect(PacketType::connack).reason() == Reason::not_authorized);
  CHECK(f.notes.take() == Strings{"end c"});
}

TEST_CASE("a publish waits for its authorization, others do not") {
  Asking f;
  MqttClient client(f.host), other(f.host);
  client.connect({.id = "c"});
  other.connect({.id = "o"});
  client.subscribe({.filter = "#"});
  Slot& slot = f.start("a", KEEL_PENDING);
  client.begin_publish({.topic = "t", .payload = "1", .qos = 1, .id = 5});
  const keel_handle ticket = f.asked();
  CHECK(other.silent());
  SUBCASE("allowed") {
    CHECK(f.resolve(slot, ticket, KEEL_ALLOW) == KEEL_OK);
    CHECK(client.expect(PacketType::publish).payload == "1");
    CHECK(client.expect(PacketType::puback).reason() == Reason::success);
  }
  SUBCASE("denied") {
    CHECK(f.resolve(slot, ticket, KEEL_DENY) == KEEL_OK);
    CHECK(client.expect(PacketType::puback).reason() == Reason::not_authorized);
  }
  SUBCASE("the plugin goes") {
    f.host.unload(slot);
    CHECK(client.expect(PacketType::puback).reason() == Reason::not_authorized);
  }
}

TEST_CASE("a connect whose plugin goes is told that the server is unavailable") {
  Asking f;
  Slot& slot = f.start("a", KEEL_PENDING);
  MqttClient client(f.host);
  client.begin_connect({.id = "c"});
  const keel_handle ticket = f.asked();
  f.host.unload(slot);
  CHECK(client.expect(PacketType::connack).reason() == Reason::server_unavailable);
  Slot& next = f.start("a", KEEL_NEXT);
  CHECK(f.resolve_there(next, ticket, KEEL_ALLOW) == KEEL_E_STALE);
}

TEST_CASE("an upgrade: questions wait and are put to the new version") {
  Asking f;
  Slot& other = f.start("other", KEEL_NEXT, 9);
  Slot& old = f.start("acl", KEEL_PENDING);
  MqttClient open(f.host);
  open.begin_connect({.id = "open"});
  CHECK(f.resolve(old, f.asked(2), KEEL_ALLOW) == KEEL_OK);
  CHECK(open.expect(PacketType::connack).reason() == Reason::success);
  MqttClient early(f.host);
  early.begin_connect({.id = "early"});
  const keel_handle before = f.asked(4);
  f.notes.take();

  f.host.hold(old);
  MqttClient late(f.host);
  late.begin_connect({.id = "late"});
  open.begin_publish({.topic = "t", .qos = 1, .id = 3});
  // A hook that another plugin adds meanwhile does not end the waiting.
  f.host.hook(other, KEEL_HOOK_CLIENT_CONNECTED, 0, OnEvent([](const keel_event*) {}));
  f.host.turns(10);
  CHECK(f.notes.take().empty());

  Slot& fresh = f.acquire("acl", KEEL_DENY);
  f.host.replace(old, fresh);
  CHECK(early.expect(PacketType::connack).reason() == Reason::not_authorized);
  CHECK(late.expect(PacketType::connack).reason() == Reason::not_authorized);
  CHECK(open.expect(PacketType::puback).reason() == Reason::not_authorized);
  const Strings notes = f.notes.take();
  for (const char* asked : {"acl early", "acl late", "acl t"})
    CHECK(std::count(notes.begin(), notes.end(), asked) == 1);
  CHECK(f.resolve_there(fresh, before, KEEL_ALLOW) == KEEL_E_STALE);
}

TEST_CASE("an upgrade of a plugin without deciding hooks holds nobody") {
  Asking f;
  Slot& slot = f.host.plugin("watch");
  f.host.hook(slot, KEEL_HOOK_CLIENT_CONNECTED, 0, OnEvent([](const keel_event*) {}));
  f.host.run(slot);
  f.host.hold(slot);
  CHECK(MqttClient(f.host).connect({.id = "c"}).reason() == Reason::success);
  f.host.replace(slot, f.host.plugin("watch"));
}

}  // namespace
}  // namespace keel::test
