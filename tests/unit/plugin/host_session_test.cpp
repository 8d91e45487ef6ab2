// session/1: a gateway's clients, on the shard of their session and on another one.
#include <doctest/doctest.h>

#include <deque>
#include <memory>

#include "broker_host.hpp"
#include "keel/ext/session.h"
#include "kernel/plugin/parking.hpp"

namespace keel::test {
namespace {

const keel_ext_session& sessions() { return tables::session; }

// A gateway's client: what its callbacks were told, and what it has not acknowledged.
class Device {
 public:
  explicit Device(std::string id) : client_id(std::move(id)) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  static keel_session_callbacks callbacks() {
    keel_session_callbacks out{};
    out.size = sizeof out;
    out.opened = [](void* ctx, keel_handle, std::uint8_t reason, std::int32_t present) {
      of(ctx).notes.add(fmt::format("opened {} {}", reason, present));
    };
    out.deliver = [](void* ctx, keel_handle, const keel_delivery* all, std::uint32_t n) {
      for (std::uint32_t i = 0; i < n; ++i) {
        const std::lock_guard lock(of(ctx).mutex_);
        if (all[i].id != 0) of(ctx).open_.push_back(all[i].id);
        of(ctx).notes.add(std::string(view(all[i].message.payload)));
      }
    };
    out.suback = [](void* ctx, keel_handle, std::uint64_t, const std::uint8_t* codes,
                    std::uint32_t) { of(ctx).notes.add(fmt::format("suback {}", codes[0])); };
    out.published = [](void* ctx, keel_handle, std::uint64_t token, std::uint8_t reason) {
      of(ctx).notes.add(fmt::format("published {} {}", token, reason));
    };
    out.closed = [](void* ctx, keel_handle, std::uint8_t reason, keel_str word) {
      of(ctx).notes.add(fmt::format("closed {} {}", reason, view(word)));
    };
    out.polled = [](void* ctx, keel_handle) { of(ctx).notes.add("polled"); };
    return out;
  }

  std::uint32_t oldest() {
    const std::lock_guard lock(mutex_);
    REQUIRE_FALSE(open_.empty());
    const std::uint32_t id = open_.front();
    open_.pop_front();
    return id;
  }

  const std::string client_id;
  keel_handle handle = 0;
  Notes notes;

 private:
  static Device& of(void* ctx) { return *static_cast<Device*>(ctx); }
  std::mutex mutex_;
  std::deque<std::uint32_t> open_;
};

// All on shard 0; `home` is where the sessions are.
struct HostSessionFixture {
  explicit HostSessionFixture(std::uint32_t home = 0)
      : slot(&host.plugin("gateway")),
        device(*(owned = std::make_unique<Device>(host.id_on(home)))),
        publisher(host) {
    host.run(*slot);
    publisher.connect({.id = "publisher"});
  }
  // Opens and subscribes to `t`.
  void open(std::uint16_t window, std::uint32_t expiry_s = 0,
            keel_session_callbacks callbacks = Device::callbacks()) {
    keel_session_request request{};
    request.size = sizeof request;
    request.flags = KEEL_SESSION_LOOPBACK_ONLY | (expiry_s == 0 ? KEEL_SESSION_CLEAN : 0);
    request.client_id = str(device.client_id);
    request.receive_maximum = window;
    request.expiry_s = expiry_s;
    const bool first = device.handle == 0;
    on_shard([&] {
      REQUIRE_MESSAGE(
          sessions().open(slot->host(), &request, &callbacks, &device, &device.handle) == KEEL_OK,
          error_text());
    });
    if (!first) return;
    expect({"opened 0 0"});
    keel_subscription one{sizeof one, 2, 0, 0, 0, str("t")};
    on_shard(
        [&] { CHECK(sessions().subscribe(slot->host(), device.handle, &one, 1, 1) == KEEL_OK); });
    expect({"suback 2"});
  }
  void on_shard(const std::function<void()>& fn) { host.on_shard(0, fn); }
  template <class... P, class... A>
  keel_status call(keel_status (*fn)(const keel_host*, keel_handle, P...), A... arguments) {
    keel_status status = KEEL_OK;
    on_shard([&] { status = fn(slot->host(), device.handle, arguments...); });
    return status;
  }
  void suspend(std::uint32_t limit = 0) { CHECK(call(sessions().suspend, limit) == KEEL_OK); }
  void poll() { CHECK(call(sessions().poll) == KEEL_OK); }
  void resume() { CHECK(call(sessions().resume) == KEEL_OK); }
  void ack() { CHECK(call(sessions().ack, device.oldest(), std::uint8_t{0}) == KEEL_OK); }
  // Publishes, and waits until it is where it belongs: in the queue, or delivered.
  void publish(const std::string& payload) {
    publisher.publish("t", payload);
    host.turns();
  }
  void expect(const Strings& notes) {
    host.eventually([&] { return device.notes.size() >= notes.size(); });
    const Strings got = device.notes.take();
    INFO(fmt::format("{}", fmt::join(got, ", ")));
    CHECK(got == notes);
  }
  void expect_nothing() {
    host.turns(6);
    CHECK(device.notes.take().empty());
  }
  // An upgrade. `last` is the last that the old version does, on the sessions' shard; `meanwhile`
  // runs while there is none.
  void upgrade(
      const std::function<void()>& meanwhile, const std::function<void()>& last = [] {}) {
    Parking parking(*host.runtime);
    Slot& old = *slot;
    const auto each = [&](auto step) {
      host.runtime->barrier(step);
      step(host.runtime->control_thread());
      host.turns(1);
    };
    each([&](HostThread& thread) {
      if (thread.index() == 0) last();
      old.park(thread, parking.list(thread.index()));
    });
    old.set_accepting(false);
    each([&](HostThread& thread) { old.seal(thread, parking.list(thread.index())); });
    meanwhile();
    Slot& fresh = host.plugin("gateway");
    const keel_session_callbacks callbacks = Device::callbacks();
    CHECK(sessions().attach(fresh.host(), device.handle, &callbacks, &device) == KEEL_OK);
    host.turns();
    CHECK(device.notes.take().empty());
    host.replace(old, fresh);
    parking.revoke_rest();
    slot = &fresh;
  }

  std::unique_ptr<Device> owned;  // outlives the host, which tells it of the end
  BrokerHost host;
  Slot* slot;
  Device& device;
  MqttClient publisher;
};

TEST_CASE("publish: what the broker does not take is refused, and the client stays") {
  for (const std::uint32_t home : {0u, 1u}) {
    CAPTURE(home);
    HostSessionFixture f(home);
    f.open(1);
    std::string deep = "a";
    for (int level = 0; level < 200; ++level) deep += "/a";
    const auto publish = [&](std::string_view topic, std::uint8_t qos, std::uint64_t token) {
      keel_message_view message{};
      message.size = sizeof message;
      message.qos = qos;
      message.topic = str(topic);
      CHECK(f.call(sessions().publish, static_cast<const keel_message_view*>(&message), token) ==
            KEEL_OK);
    };
    publish(deep, 1, 7);
    f.expect({"published 7 144"});
    publish(deep, 2, 8);
    f.expect({"published 8 144"});
    publish(deep, 0, 9);
    publish("nobody", 1, 10);
    f.expect({"published 10 16"});
  }
}

TEST_CASE("poll: what waits comes, then `polled`, and the session sleeps on") {
  for (const std::uint32_t home : {0u, 1u}) {
    CAPTURE(home);
    HostSessionFixture f(home);
    f.open(1);
    CHECK(f.call(sessions().poll) == KEEL_E_STATE);
    f.suspend();
    f.poll();
    f.expect({"polled"});
    for (const char* payload : {"1", "2", "3"}) f.publish(payload);
    f.expect_nothing();
    f.poll();
    f.expect({"1"});
    f.publish("late");
    f.ack();
    f.expect({"2"});
    f.ack();
    f.expect({"3", "polled"});
    f.ack();
    f.expect_nothing();
    f.poll();
    f.expect({"late", "polled"});
    f.ack();
    f.resume();
    CHECK(f.call(sessions().poll) == KEEL_E_STATE);
    f.publish("awake");
    f.expect({"awake"});
    CHECK(f.call(sessions().close, std::uint8_t{0}) == KEEL_OK);
    f.expect({"closed 0 closed"});
    CHECK(f.call(sessions().poll) == KEEL_E_STALE);
  }
}

TEST_CASE("poll: with a wide window all comes at once") {
  HostSessionFixture f(1);
  f.open(0);
  f.suspend();
  Strings all;
  for (int i = 0; i < 30; ++i) {
    all.push_back(std::to_string(i));
    f.publisher.publish("t", all.back());
  }
  f.host.turns();
  f.poll();
  all.push_back("polled");
  f.expect(all);
}

TEST_CASE("poll: an order that ends it takes `polled` back") {
  for (const std::uint32_t home : {0u, 1u}) {
    CAPTURE(home);
    HostSessionFixture f(home);
    f.open(1);
    f.suspend();
    for (const char* payload : {"1", "2"}) f.publish(payload);
    SUBCASE("resume") {
      f.on_shard([&] {
        CHECK(sessions().poll(f.slot->host(), f.device.handle) == KEEL_OK);
        CHECK(sessions().resume(f.slot->host(), f.device.handle) == KEEL_OK);
      });
      f.expect({"1"});
      f.ack();
      f.expect({"2"});
    }
    SUBCASE("resume, suspend, and a new one") {
      f.on_shard([&] {
        CHECK(sessions().poll(f.slot->host(), f.device.handle) == KEEL_OK);
        CHECK(sessions().resume(f.slot->host(), f.device.handle) == KEEL_OK);
        CHECK(sessions().suspend(f.slot->host(), f.device.handle, 0) == KEEL_OK);
        CHECK(sessions().poll(f.slot->host(), f.device.handle) == KEEL_OK);
      });
      f.expect({"1"});
      f.ack();
      f.expect({"2", "polled"});
    }
    SUBCASE("suspend") {
      f.on_shard([&] {
        CHECK(sessions().poll(f.slot->host(), f.device.handle) == KEEL_OK);
        CHECK(sessions().suspend(f.slot->host(), f.device.handle, 0) == KEEL_OK);
      });
      f.expect({"1"});
      f.ack();
    }
    SUBCASE("polls upon each other: one answer") {
      f.on_shard([&] {
        for (int i = 0; i < 5; ++i)
          CHECK(sessions().poll(f.slot->host(), f.device.handle) == KEEL_OK);
      });
      f.expect({"1"});
      f.ack();
      f.expect({"2", "polled"});
    }
    SUBCASE("one that was done is not counted twice") {
      f.poll();
      f.expect({"1"});
      f.ack();
      f.host.eventually([&] { return f.device.notes.size() == 2; });
      f.resume();
      f.suspend();
      f.ack();
      f.expect({"2", "polled"});
      f.publish("3");
      f.poll();
      f.expect({"3", "polled"});
    }
    f.expect_nothing();
  }
}

TEST_CASE("poll: goes on across an upgrade") {
  for (const std::uint32_t home : {0u, 1u}) {
    CAPTURE(home);
    HostSessionFixture f(home);
    f.open(1);
    f.suspend();
    for (const char* payload : {"1", "2", "3"}) f.publish(payload);
    SUBCASE("in the middle") {
      f.poll();
      f.expect({"1"});
      f.upgrade([&] { f.publish("late"); });
      f.ack();
      f.expect({"2"});
      f.ack();
      f.expect({"3", "polled"});
      f.expect_nothing();
    }
    SUBCASE("its last message and its end come while nobody runs") {
      f.poll();
      f.expect({"1"});
      f.ack();
      f.expect({"2"});
      f.upgrade(
          [] {},
          [&] {
            CHECK(sessions().ack(f.slot->host(), f.device.handle, f.device.oldest(), 0) == KEEL_OK);
          });
      f.expect({"3", "polled"});
    }
    SUBCASE("asleep: the new version polls") {
      f.upgrade([&] { f.publish("4"); });
      f.poll();
      f.expect({"1"});
      for (const char* next : {"2", "3"}) {
        f.ack();
        f.expect({next});
      }
      f.ack();
      f.expect({"4", "polled"});
    }
  }
}

TEST_CASE("poll: a plugin of an older SDK has no `polled`") {
  HostSessionFixture f;
  keel_session_callbacks old = Device::callbacks();
  old.size = offsetof(keel_session_callbacks, polled);
  f.open(0, 0, old);
  f.suspend();
  f.publish("1");
  f.poll();
  f.expect({"1"});
  f.expect_nothing();
}

TEST_CASE("poll: the client connects anew, from the same peer: no order reaches the new session") {
  for (const std::uint32_t home : {0u, 1u}) {
    CAPTURE(home);
    HostSessionFixture f(home);
    f.open(1, 100);
    f.suspend();
    for (const char* payload : {"1", "2"}) f.publish(payload);
    f.poll();
    f.expect({"1"});
    const keel_handle first = f.device.handle;
    f.open(1, 100);
    f.host.eventually([&] { return f.device.notes.size() >= 3; });
    Strings got = f.device.notes.take();
    std::ranges::sort(got);  // two sessions: their order is open
    CHECK(got == Strings{"1", "closed 142 disconnected", "opened 0 1"});
    f.on_shard([&] {
      CHECK(sessions().poll(f.slot->host(), first) == KEEL_E_STALE);
      CHECK(sessions().poll(f.slot->host(), f.device.handle) == KEEL_E_STATE);
    });
    f.device.oldest();  // of the first one
    f.ack();
    f.expect({"2"});  // the new one is awake
  }
}

// What inspect() is told.
struct ToldToSession {
  static void on_stats(void* ctx, const keel_session_stats* stats) {
    auto& mine = *static_cast<ToldToSession*>(ctx);
    CHECK(HostThread::current() != nullptr);
    if (stats) {
      CHECK(stats->size == sizeof *stats);
      mine.stats = *stats;
    }
    mine.null = !stats;
    ++mine.calls;
  }
  keel_session_stats stats{};
  bool null = false;
  std::atomic<int> calls{0};
};

TEST_CASE("inspect: what waits, is under way and was dropped") {
  for (const std::uint32_t home : {0u, 1u}) {
    CAPTURE(home);
    HostSessionFixture f(home);
    f.open(2);
    for (const char* payload : {"1", "2"}) f.publish(payload);
    f.expect({"1", "2"});
    f.suspend(2);
    for (const char* payload : {"3", "4", "5"}) f.publish(payload);
    ToldToSession told;
    CHECK(f.call(sessions().inspect, ToldToSession::on_stats, static_cast<void*>(&told)) ==
          KEEL_OK);
    REQUIRE(f.host.eventually([&] { return told.calls == 1; }));
    REQUIRE_FALSE(told.null);
    CHECK(told.stats.waiting == 2);
    CHECK(told.stats.inflight == 2);
    CHECK(told.stats.dropped == 1);
    CHECK(told.stats.subscriptions == 1);
    CHECK(f.call(sessions().inspect, keel_session_stats_fn{}, static_cast<void*>(nullptr)) ==
          KEEL_E_INVAL);
  }
}

TEST_CASE("inspect: what an earlier connection left is waiting, not in flight") {
  HostSessionFixture f;
  f.open(10, 100);
  for (const char* payload : {"1", "2", "3"}) f.publish(payload);
  f.expect({"1", "2", "3"});
  CHECK(f.call(sessions().close, std::uint8_t{0}) == KEEL_OK);
  f.expect({"closed 0 closed"});
  f.open(1, 100);
  f.expect({"opened 0 1", "1"});
  ToldToSession told;
  CHECK(f.call(sessions().inspect, ToldToSession::on_stats, static_cast<void*>(&told)) == KEEL_OK);
  REQUIRE(f.host.eventually([&] { return told.calls == 1; }));
  CHECK(told.stats.waiting == 2);
  CHECK(told.stats.inflight == 1);
}

TEST_CASE("inspect: answered once with nothing, however the session or the plugin goes") {
  HostSessionFixture f(1);
  f.open(1);
  ToldToSession told;
  SUBCASE("closed") {
    f.on_shard([&] {
      CHECK(sessions().close(f.slot->host(), f.device.handle, 0) == KEEL_OK);
      CHECK(sessions().inspect(f.slot->host(), f.device.handle, ToldToSession::on_stats, &told) ==
            KEEL_E_STALE);
    });
    f.expect({"closed 0 closed"});
    CHECK(told.calls == 0);
    return;
  }
  SUBCASE("taken over") {
    MqttClient other(f.host);
    other.connect({.id = f.device.client_id});
    f.on_shard([&] {  // may have heard of it already
      if (sessions().inspect(f.slot->host(), f.device.handle, ToldToSession::on_stats, &told) !=
          KEEL_OK)
        ToldToSession::on_stats(&told, nullptr);
    });
    REQUIRE(f.host.eventually([&] { return told.calls == 1; }));
  }
  SUBCASE("unloaded") {
    f.on_shard([&] {
      CHECK(sessions().inspect(f.slot->host(), f.device.handle, ToldToSession::on_stats, &told) ==
            KEEL_OK);
      f.slot->revoke(f.host.runtime->thread(0));
    });
    REQUIRE(f.host.eventually([&] { return told.calls == 1; }));
    CHECK(f.slot->quiet());
  }
  SUBCASE("replaced") {
    f.upgrade([&] { f.host.eventually([&] { return told.calls == 1; }); },
              [&] {
                CHECK(sessions().inspect(f.slot->host(), f.device.handle, ToldToSession::on_stats,
                                         &told) == KEEL_OK);
              });
  }
  CHECK(told.null);
  CHECK(told.calls == 1);
}

TEST_CASE("suspend: survives an upgrade; a will of a session that was taken over stays as it is") {
  HostSessionFixture f(1);
  f.open(1);
  keel_will will{};
  will.size = sizeof will;
  will.topic = str("w");
  CHECK(f.call(sessions().set_will, static_cast<const keel_will*>(&will), std::uint64_t{7}) ==
        KEEL_OK);
  f.expect({"published 7 0"});
  CHECK(f.call(sessions().set_will, static_cast<const keel_will*>(nullptr), std::uint64_t{8}) ==
        KEEL_OK);
  f.expect({"published 8 0"});
  f.suspend();
  f.upgrade([&] { f.publish("1"); });
  f.expect_nothing();
  f.resume();
  f.expect({"1"});
}

}  // namespace
}  // namespace keel::test
