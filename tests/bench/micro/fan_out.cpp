// One message through the broker to many subscribers, from the publisher's octets to theirs. The
// clients look at nothing; with acknowledgements it is counted in ../counts.
#include <memory>
#include <string>
#include <vector>

#include "support.hpp"
#include "tests/bench/loop/client.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

void fan_out(benchmark::State& state, Version version) {
  constexpr int kBurst = 16;  // messages in one read
  const std::string payload(64, 'p');
  Loop loop;
  std::vector<std::unique_ptr<Client>> subscribers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    subscribers.push_back(
        std::make_unique<Client>(loop, version, "subscriber" + std::to_string(i)));
    subscribers.back()->connect();
    subscribers.back()->subscribe("bench/topic", 0);
  }
  Client publisher(loop, version, "publisher");
  publisher.connect();
  loop.settle();
  for (auto& subscriber : subscribers) subscriber->read_nothing();
  for (int i = 0; i < kBurst; ++i) publisher.publish("bench/topic", payload, 0);
  const std::string burst = publisher.to_broker;
  while (state.KeepRunningBatch(kBurst)) {
    publisher.to_broker = burst;
    loop.settle();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK_CAPTURE(fan_out, v3, Version::v311)->Arg(1)->Arg(10)->Arg(100);
BENCHMARK_CAPTURE(fan_out, v5, Version::v5)->Arg(1)->Arg(10)->Arg(100);

}  // namespace
