// When a lambda is destroyed, and when it runs no more: by its own hand, from other threads, after
// stop(), by a failed upgrade.
#include "tests/unit/sdk/support.hpp"

using namespace keel;
using keel::test::Fixture;

TEST_CASE("a timer goes with its handle, on its own shard at once") {
  Fixture f;
  f.load();
  int fired = 0;
  Timer timer;
  f.fake.on(1, [&] {
    REQUIRE(f.host().timers().every(100, [&fired, t = f.tracked()] { ++fired; }).into(timer));
  });
  f.fake.advance(250);
  CHECK(fired == 2);
  f.fake.on(1, [&] { timer.cancel(); });
  CHECK(f.alive == 0);
  CHECK(f.fake.handles() == 0);
  CHECK(!timer);
  CHECK(timer.rearm(5) == KEEL_E_STALE);
}

TEST_CASE("destroyed on another thread, the lambda goes when the shard has been passed") {
  Fixture f;
  f.load();
  {
    auto timer = f.host().timers().every(
        100, [t = f.tracked()] {}, 1);
    REQUIRE(timer);
    CHECK(f.alive == 1);
  }
  CHECK(f.alive == 1);  // the shard may be in it
  CHECK(f.fake.handles() == 0);
  f.fake.run();
  CHECK(f.alive == 0);
}

TEST_CASE("a timer may end itself from within") {
  Fixture f;
  f.load();
  Timer timer;
  int fired = 0, inside = 0;
  REQUIRE(f.host()
              .timers()
              .every(100,
                     [&, t = f.tracked()] {
                       ++fired;
                       timer.cancel();
                       inside = f.alive;  // what this stands in is still there
                     })
              .into(timer));
  f.fake.advance(500);
  CHECK(fired == 1);
  CHECK(inside == 1);
  CHECK(f.alive == 0);
}

TEST_CASE("timers that fire once free themselves when nobody holds them") {
  Fixture f;
  f.load();
  int fired = 0;
  CHECK(f.host().timers().after(100, [&fired, t = f.tracked()] { ++fired; }).keep());
  Timer held;
  REQUIRE(f.host().timers().after(100, [&fired, t = f.tracked()] { ++fired; }).into(held));
  CHECK(f.alive == 2);
  f.fake.advance(1000);
  CHECK(fired == 2);
  CHECK(f.alive == 1);  // `held`
  CHECK(f.fake.handles() == 0);
  held = {};
  f.fake.run();
  CHECK(f.alive == 0);
}

TEST_CASE("a timer that fires once can rearm itself") {
  Fixture f;
  f.load();
  Timer timer;
  int fired = 0;
  REQUIRE(f.host()
              .timers()
              .after(100,
                     [&] {
                       if (++fired < 3) CHECK(timer.rearm(50));
                     })
              .into(timer));
  f.fake.advance(99);
  CHECK(fired == 0);
  f.fake.advance(1);
  CHECK(fired == 1);
  f.fake.advance(100);
  CHECK(fired == 3);
  f.fake.on(0, [&] { CHECK(timer.rearm(50) == KEEL_E_STALE); });
}

TEST_CASE("an exception in a timer is reported and the timer goes on") {
  Fixture f;
  f.load();
  int fired = 0;
  CHECK(f.host()
            .timers()
            .every(10,
                   [&] {
                     ++fired;
                     throw std::runtime_error("tick");
                   })
            .keep());
  CHECK(f.host().timers().every(15, [] { throw 5; }).keep());
  f.fake.advance(20);
  CHECK(fired == 2);
  REQUIRE(f.fake.exceptions.size() == 3);
  CHECK(f.fake.exceptions[0] == "tick");
  CHECK(f.fake.exceptions[1] == "an exception that is no std::exception");
}

TEST_CASE("hooks go where they may: at once on the control thread, else by a task there") {
  Fixture f;
  int asked = 0;
  Hook hook;
  f.load([&](Host& host) {
    return host.hooks().on_publish(0, [&, t = f.tracked()](const Message&) { ++asked; }).into(hook);
  });
  f.fake.publish({"a", "b"});
  CHECK(asked == 1);
  SUBCASE("on the control thread") {
    hook.reset();
    CHECK(f.alive == 0);
  }
  SUBCASE("on a shard") {
    f.fake.on(1, [&] { hook.reset(); });
    CHECK(f.alive == 1);
    CHECK(f.fake.handles("hook") == 1);
    f.fake.publish({"a", "b"});  // it is in the chain, but does nothing any more
    CHECK(asked == 1);
    f.fake.run();
    CHECK(f.alive == 0);
    CHECK(f.fake.handles("hook") == 0);
  }
  SUBCASE("from within itself") {
    CHECK(f.host().hooks().on_publish(1, [&](const Message&) { hook.reset(); }).keep());
    f.fake.publish({"a", "b"});
    CHECK(asked == 1);
    CHECK(f.alive == 0);
  }
  SUBCASE("with the plugin") {}
}

TEST_CASE("handles that outlive stop() only free memory") {
  Fixture f;
  Timer timer;
  UdpSocket socket;
  Hook hook;
  Counter counter;
  keel_handle number = 0;
  f.load([&](Host& host) -> Status {
    KEEL_TRY(host.timers().every(10, [t = f.tracked()] {}).into(timer));
    KEEL_TRY(host.udp().bind("127.0.0.1:7000", [t = f.tracked()](Datagram) {}).into(socket));
    KEEL_TRY(host.hooks().on_publish(0, [t = f.tracked()](const Message&) {}).into(hook));
    KEEL_TRY(host.metrics().counter("n_total", "n").into(counter));
    number = socket.id();
    return {};
  });
  f.plugin.stop = [&](Host&) {
    CHECK(!timer);
    CHECK(socket.id() == number);  // for save()
    CHECK(socket.send(Address(), "x") == KEEL_E_STALE);
    counter.add();
    timer.cancel();
  };
  const int before = f.fake.calls("timer.cancel");
  f.plugin.destroyed = [&] {
    socket = {};
    hook = {};
    counter = {};
  };
  CHECK(f.fake.unload());
  CHECK(f.fake.calls("timer.cancel") == before);
  CHECK(f.fake.calls("udp.close") == 0);
  CHECK(f.fake.calls("hooks.remove") == 0);
  CHECK(f.alive == 0);
}

TEST_CASE("what is kept lives until the plugin stops") {
  Fixture f;
  int got = 0;
  f.load([&](Host& host) -> Status {
    return host.udp().bind("127.0.0.1:7000", [&got, t = f.tracked()](Datagram) { ++got; });
  });
  f.fake.datagram("x");
  CHECK(got == 1);
  CHECK(f.alive == 1);
  CHECK(f.fake.unload());
  CHECK(f.alive == 0);
}

TEST_CASE("posts run once, or are told that they are cancelled; the lambda always goes") {
  Fixture f;
  f.load();
  int ran = 0, cancelled = 0;
  CHECK(f.host().shards().post(1, [&, t = f.tracked()] {
    ++ran;
    CHECK(f.fake.current() == 1);
  }));
  CHECK(f.host().shards().post(kControl,
                               [&, t = f.tracked()](bool off) { off ? ++cancelled : ++ran; }));
  CHECK(f.alive == 2);
  f.fake.run();
  CHECK(ran == 2);
  CHECK(f.alive == 0);
  CHECK(f.host().shards().post(99, [t = f.tracked()] {}) == KEEL_E_INVAL);
  f.fake.queue_limit = 0;
  CHECK(f.host().shards().post(0, [t = f.tracked()] {}) == KEEL_E_LIMIT);
  CHECK(f.alive == 0);
  f.fake.queue_limit = 10;
  CHECK(f.host().shards().post(0, [&, t = f.tracked()] { ++ran; }));
  CHECK(f.host().shards().post(0, [&, t = f.tracked()](bool off) { off ? ++cancelled : ++ran; }));
  CHECK(f.host().shards().post(0, [] { throw std::runtime_error("never run"); }));
  CHECK(f.fake.unload());
  CHECK(ran == 2);
  CHECK(cancelled == 1);
  CHECK(f.fake.exceptions.empty());
}

TEST_CASE("when the kernel takes no task, the lambda waits for the end") {
  Fixture f;
  f.load();
  auto timer = f.host().timers().every(
      100, [t = f.tracked()] {}, 1);
  REQUIRE(timer);
  f.fake.queue_limit = 0;
  timer->cancel();
  f.fake.run();
  CHECK(f.alive == 1);
  CHECK(f.fake.handles() == 0);
  CHECK(f.fake.unload());
  CHECK(f.alive == 0);
}

TEST_CASE("what could not be made leaves nothing") {
  Fixture f;
  f.load();
  Host& host = f.host();
  const auto refused = [&](const char* function, auto&& make) {
    f.fake.fail_next(function, KEEL_E_NOMEM);
    const auto result = make();
    CHECK_MESSAGE(result.code() == KEEL_E_NOMEM, function);
    CHECK_MESSAGE(result.text() == concat(function, ": failed on order"), result.text());
    CHECK_MESSAGE(f.alive == 0, function);
  };
  refused("timer.start", [&] { return host.timers().every(1, [t = f.tracked()] {}); });
  refused("fd.watch", [&] {
    return host.descriptors().watch(0, KEEL_FD_READ, [t = f.tracked()](std::uint32_t) {});
  });
  refused("udp.bind",
          [&] { return host.udp().bind("127.0.0.1:1", [t = f.tracked()](Datagram) {}); });
  refused("tcp.listen", [&] {
    return host.tcp().listen({.address = "127.0.0.1:1"}, [t = f.tracked()](const TcpInfo&) {
      return std::unique_ptr<TcpHandler>();
    });
  });
  refused("hooks.add",
          [&] { return host.hooks().on_publish(0, [t = f.tracked()](const Message&) {}); });
  refused("ctl.add",
          [&] { return host.ctl().add("x", {}, [t = f.tracked()](CtlCall&) { return 0; }); });
  refused("metrics.gauge_fn",
          [&] { return host.metrics().gauge_of("x", "x", [t = f.tracked()] { return 1; }); });
  refused("worker.run", [&] { return host.workers().run([t = f.tracked()] {}, [] {}); });
  refused("clients.find",
          [&] { return host.clients().find("x", [t = f.tracked()](const Client*) {}); });
  refused("shard.post", [&] { return host.shards().post(0, [t = f.tracked()] {}); });
}
