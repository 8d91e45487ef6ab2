#include "kernel/base/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

using keel::kernel::Timer;
using keel::kernel::TimerWheel;

namespace {

// A timer that counts and may do something when it fires.
struct Probe {
  explicit Probe(std::function<void()> then = {}) : action(std::move(then)) {}
  static void fire(void* self) {
    auto* probe = static_cast<Probe*>(self);
    ++probe->fired;
    if (probe->action) probe->action();
  }
  int fired = 0;
  std::function<void()> action;
  Timer timer{fire, this};
};

}  // namespace

TEST_CASE("a timer fires once, not early and at most a tick late") {
  for (const std::int64_t start : {0, 1, 49, 50, 1'000'003}) {
    for (const std::int64_t delay : {0, 1, 49, 50, 51, 100, 5'000, 51'200, 51'250, 200'000}) {
      TimerWheel wheel(start);
      Probe probe;
      wheel.arm(probe.timer, delay);
      CHECK(probe.timer.armed());
      for (std::int64_t now = start; now < start + delay; now += 1 + delay / 64) wheel.advance(now);
      wheel.advance(start + delay - 1);
      CHECK(probe.fired == 0);
      wheel.advance(start + delay + TimerWheel::kTickMs);
      CHECK(probe.fired == 1);
      CHECK_FALSE(probe.timer.armed());
      wheel.advance(start + delay + 200'000);
      CHECK(probe.fired == 1);
    }
  }
}

TEST_CASE("cancelled, re-armed and destroyed timers") {
  TimerWheel wheel(0);
  Probe cancelled, moved;
  wheel.arm(cancelled.timer, 100);
  cancelled.timer.cancel();
  cancelled.timer.cancel();
  wheel.arm(moved.timer, 100);
  wheel.arm(moved.timer, 1000);
  {
    Probe gone;
    wheel.arm(gone.timer, 100);
  }
  wheel.advance(500);
  CHECK(cancelled.fired == 0);
  CHECK(moved.fired == 0);
  wheel.advance(1050);
  CHECK(moved.fired == 1);
  CHECK(wheel.empty());
}

TEST_CASE("a firing timer may arm and cancel itself and others") {
  TimerWheel wheel(0);
  Probe victim;
  Probe again([&] {
    if (again.fired < 3) wheel.arm(again.timer, 0);
  });
  Probe killer([&] { victim.timer.cancel(); });
  wheel.arm(killer.timer, 100);
  wheel.arm(victim.timer, 100);
  wheel.arm(again.timer, 100);
  wheel.advance(150);
  CHECK(killer.fired == 1);
  CHECK(victim.fired == 0);
  CHECK(again.fired == 1);
  wheel.advance(1000);
  CHECK(again.fired == 2);  // armed at 150, due once in this step
  wheel.advance(1100);
  CHECK(again.fired == 3);
  CHECK(wheel.empty());
}

TEST_CASE("a wheel that goes first disarms what is left") {
  Probe probe;
  {
    TimerWheel wheel(0);
    wheel.arm(probe.timer, 100);
  }
  CHECK_FALSE(probe.timer.armed());
}

TEST_CASE("next_ms is never later than the next timer") {
  TimerWheel wheel(1000);
  CHECK(wheel.next_ms() == -1);
  Probe near, far;
  wheel.arm(far.timer, 130'000);
  CHECK(wheel.next_ms() <= 131'050);
  wheel.arm(near.timer, 120);
  CHECK(wheel.next_ms() == 1150);
  near.timer.cancel();
  // Followed alone, it leads to the far timer in few steps.
  int steps = 0;
  while (far.fired == 0 && steps < 10) {
    wheel.advance(wheel.next_ms());
    ++steps;
  }
  CHECK(far.fired == 1);
  CHECK(wheel.now_ms() == 131'000);
  CHECK(wheel.next_ms() == -1);
}

TEST_CASE("against a naive list of due times") {
  std::mt19937 random(7);
  auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned long>(n));
  };
  TimerWheel wheel(12'345);
  std::int64_t now = 12'345;
  std::vector<std::unique_ptr<Probe>> probes;
  std::vector<std::int64_t> due(200, -1);  // -1: not armed
  for (std::size_t i = 0; i < due.size(); ++i) probes.push_back(std::make_unique<Probe>());

  for (int step = 0; step < 20'000; ++step) {
    const auto i = static_cast<std::size_t>(below(200));
    switch (below(4)) {
      case 0:
      case 1: {
        const std::int64_t delay = below(10) == 0 ? below(300'000) : below(3'000);
        wheel.arm(probes[i]->timer, delay);
        due[i] = now + delay;
        break;
      }
      case 2:
        probes[i]->timer.cancel();
        due[i] = -1;
        break;
      default: {
        std::vector<int> before;
        for (auto& probe : probes) before.push_back(probe->fired);
        const std::int64_t next = wheel.next_ms();
        now += below(50) == 0 ? below(120'000) : below(200);
        wheel.advance(now);
        for (std::size_t k = 0; k < due.size(); ++k) {
          const bool fired = probes[k]->fired != before[k];
          if (fired) {
            REQUIRE(due[k] >= 0);
            REQUIRE(due[k] <= now);
            REQUIRE(next <= now);
            due[k] = -1;
          } else if (due[k] >= 0) {
            REQUIRE(due[k] + TimerWheel::kTickMs > now);
          }
          REQUIRE(probes[k]->timer.armed() == (due[k] >= 0));
        }
      }
    }
  }
}
