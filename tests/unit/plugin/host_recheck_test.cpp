// auth.recheck(): asked for from anywhere, on all shards, told on the control thread.
#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "broker_host.hpp"
#include "keel/ext/auth.h"

namespace keel::test {
namespace {

// What became of one.
struct ToldOfRecheck {
  std::thread::id control = std::this_thread::get_id();
  std::uint64_t asked = 0, removed = 0;
  int calls = 0, cancelled = 0;

  static void done(void* ctx, std::uint64_t asked, std::uint64_t removed, std::int32_t cancelled) {
    auto& mine = *static_cast<ToldOfRecheck*>(ctx);
    CHECK(std::this_thread::get_id() == mine.control);
    ++mine.calls;
    mine.asked = asked;
    mine.removed = removed;
    mine.cancelled += cancelled;
  }
};

struct HostRecheckFixture {
  HostRecheckFixture() : slot(host.plugin("rules")) {
    host.hook(slot, KEEL_HOOK_CLIENT_AUTHORIZE, 0,
              OnAuthorize([this](const keel_authorize_request* request, keel_handle ticket) {
                if (request->action == KEEL_PUBLISH) return KEEL_NEXT;
                const std::lock_guard lock(mutex);
                if (pends) {
                  tickets.push_back(ticket);
                  return KEEL_PENDING;
                }
                return view(request->topic) == denied ? KEEL_DENY : KEEL_ALLOW;
              }));
    host.run(slot);
  }
  keel_status recheck(ToldOfRecheck* told, std::string_view client_id = {}) {
    return tables::auth.recheck(slot.host(), str(client_id), told ? ToldOfRecheck::done : nullptr,
                                told);
  }
  void change(std::string now_denied, bool now_pends = false) {
    const std::lock_guard lock(mutex);
    denied = std::move(now_denied);
    pends = now_pends;
  }
  std::size_t asked() {
    const std::lock_guard lock(mutex);
    return tickets.size();
  }
  std::uint32_t under_way() const {
    return slot.handles()[static_cast<std::size_t>(ObjectKind::recheck)];
  }

  BrokerHost host;
  Slot& slot;
  std::mutex mutex;
  std::string denied;
  bool pends = false;
  std::vector<keel_handle> tickets;
};

TEST_CASE("recheck: on every shard, or that of one client") {
  HostRecheckFixture f;
  MqttClient here(f.host), there(f.host);
  const std::string one = f.host.id_on(0), two = f.host.id_on(1);
  here.connect({.id = one});
  there.connect({.id = two});
  for (MqttClient* client : {&here, &there}) {
    client->subscribe({.filter = "a"});
    client->subscribe({.filter = "b", .id = 2});
  }
  f.change("a");
  ToldOfRecheck told, again, single, nobody;
  CHECK(f.recheck(&told) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return told.calls == 1; }));
  CHECK(told.asked == 4);
  CHECK(told.removed == 2);
  CHECK(told.cancelled == 0);
  CHECK(f.under_way() == 0);
  f.change("b");
  std::thread elsewhere([&] { CHECK(f.recheck(&single, two) == KEEL_OK); });
  elsewhere.join();
  REQUIRE(f.host.eventually([&] { return single.calls == 1; }));
  CHECK(single.asked == 1);
  CHECK(single.removed == 1);
  f.host.on_shard(0, [&] { CHECK(f.recheck(&again) == KEEL_OK); });
  CHECK(f.recheck(nullptr) == KEEL_OK);
  CHECK(f.recheck(&nobody, "nobody") == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return again.calls + nobody.calls == 2 && f.under_way() == 0; }));
  CHECK(nobody.asked == 0);
}

TEST_CASE("recheck: asked for in start(), it begins when the plugin runs") {
  HostRecheckFixture f;
  MqttClient client(f.host);
  client.connect({.id = "c"});
  client.subscribe({.filter = "a"});
  Slot& starting = f.host.plugin("starting");
  ToldOfRecheck told;
  CHECK(tables::auth.recheck(starting.host(), str(""), ToldOfRecheck::done, &told) == KEEL_OK);
  f.host.turns();
  CHECK(told.calls == 0);
  f.host.run(starting);
  REQUIRE(f.host.eventually([&] { return told.calls == 1; }));
  CHECK(told.asked == 1);
  f.host.unload(starting);
}

TEST_CASE("recheck: unloading cancels it at once") {
  HostRecheckFixture f;
  MqttClient client(f.host);
  client.connect({.id = "c"});
  client.subscribe({.filter = "a"});
  f.change("", true);
  Slot& other = f.host.plugin("other");
  f.host.run(other);
  ToldOfRecheck told;
  CHECK(tables::auth.recheck(other.host(), str(""), ToldOfRecheck::done, &told) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return f.asked() == 1; }));
  CHECK(told.calls == 0);
  f.host.unload(other);
  CHECK(told.calls == 1);
  CHECK(told.cancelled == 1);
  CHECK(told.asked == 1);
  CHECK(tables::auth.resolve(f.slot.host(), f.tickets[0], KEEL_ALLOW, nullptr) == KEEL_OK);
  f.host.turns();
  CHECK(told.calls == 1);
}

TEST_CASE("recheck: so many may be under way") {
  HostRecheckFixture f;
  MqttClient client(f.host);
  client.connect({.id = "c"});
  client.subscribe({.filter = "a"});
  f.change("", true);
  std::vector<ToldOfRecheck> all(1000);
  std::promise<void> asked_for;  // the shards see them all together
  const std::shared_future<void> go(asked_for.get_future());
  for (std::uint32_t i = 0; i < f.host.runtime->shard_count(); ++i)
    f.host.runtime->thread(i).post([go] { go.wait(); });
  for (ToldOfRecheck& told : all) REQUIRE(f.recheck(&told) == KEEL_OK);
  ToldOfRecheck refused;
  CHECK(f.recheck(&refused) == KEEL_E_LIMIT);
  CHECK(contains(error_text(), "1000 are under way"));
  asked_for.set_value();
  // The first one, and those that came meanwhile: two ways through.
  REQUIRE(f.host.eventually([&] { return f.asked() == 2; }));
  for (const keel_handle ticket : f.tickets)
    CHECK(tables::auth.resolve(f.slot.host(), ticket, KEEL_ALLOW, nullptr) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return f.under_way() == 0; }));
  for (const ToldOfRecheck& told : all) CHECK(told.calls == 1);
  CHECK(refused.calls == 0);
}

}  // namespace
}  // namespace keel::test
