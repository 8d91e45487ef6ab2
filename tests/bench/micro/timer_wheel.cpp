// Timers of so many connections: armed anew with each packet or so, cancelled, fired.
#include <memory>
#include <vector>

#include "kernel/base/timer_wheel.hpp"
#include "support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

constexpr std::int64_t kKeepAliveMs = 90'000;

struct Wheel {
  explicit Wheel(std::size_t timers) {
    for (std::size_t i = 0; i < timers; ++i)
      all.push_back(
          std::make_unique<Timer>([](void* self) { ++static_cast<Wheel*>(self)->fired; }, this));
  }
  TimerWheel wheel{0};
  std::vector<std::unique_ptr<Timer>> all;
  std::uint64_t fired = 0;
};

void timer_rearm(benchmark::State& state) {
  Wheel of(static_cast<std::size_t>(state.range(0)));
  Random random;
  for (auto _ : state)
    of.wheel.arm(*of.all[random() % of.all.size()],
                 kKeepAliveMs + static_cast<std::int64_t>(random() % 1000));
}

void timer_arm_cancel(benchmark::State& state) {
  Wheel of(static_cast<std::size_t>(state.range(0)));
  Random random;
  for (auto _ : state) {
    Timer& timer = *of.all[random() % of.all.size()];
    of.wheel.arm(timer, kKeepAliveMs);
    timer.cancel();
  }
}

// The whole way of a timer: armed, passed over for a minute and a half, fired.
void timer_fire(benchmark::State& state) {
  Wheel of(static_cast<std::size_t>(state.range(0)));
  const auto timers = static_cast<benchmark::IterationCount>(of.all.size());
  std::int64_t now = 0;
  Random random;
  while (state.KeepRunningBatch(timers)) {
    for (const auto& timer : of.all)
      of.wheel.arm(*timer, static_cast<std::int64_t>(random() % kKeepAliveMs));
    const std::int64_t end = now + kKeepAliveMs + TimerWheel::kTickMs;
    while (now < end) of.wheel.advance(now += TimerWheel::kTickMs);
  }
  if (of.fired != static_cast<std::uint64_t>(state.iterations()))
    state.SkipWithError("timers are left");
}

BENCHMARK(timer_rearm)->Arg(1'000)->Arg(100'000);
BENCHMARK(timer_arm_cancel)->Arg(1'000)->Arg(100'000);
BENCHMARK(timer_fire)->Arg(1'000)->Arg(100'000);

}  // namespace
