// The subscription table with up to a million mixed filters: memory, subscribing, matching; and one
// filter with many subscribers.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "kernel/router/subscription_table.hpp"
#include "support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

// Of ten filters seven are exact, two hold a '+', one ends in '#'; topic(i) matches filter(i) only.
std::string place(std::size_t i) {
  return std::to_string(i / 1000) + "/" + std::to_string(i % 1000);
}
std::string filter(std::size_t i) {
  if (i % 10 < 7) return "plant/line" + place(i) + "/state";
  return i % 10 < 9 ? "site/room" + place(i) + "/+/value" : "area/zone" + place(i) + "/#";
}
std::string topic(std::size_t i) {
  if (i % 10 < 7) return "plant/line" + place(i) + "/state";
  return i % 10 < 9 ? "site/room" + place(i) + "/sensor7/value"
                    : "area/zone" + place(i) + "/alarm/smoke";
}

ParsedFilter parsed(std::string_view text) {
  ParsedFilter out;
  if (parse_filter(text, 0, 0, out) != FilterError::none) std::abort();
  return out;
}

Subscriber client(std::size_t i) { return Subscriber::make(0, static_cast<std::uint32_t>(i)); }

struct Filled {
  explicit Filled(std::size_t filters) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < filters; ++i) {
      texts.push_back(filter(i));
      topics.push_back(topic(i));
    }
    const std::size_t before = heap_in_use();
    for (std::size_t i = 0; i < filters; ++i) table.add(parsed(texts[i]), client(i % 10), {});
    table.flush_retired();
    heap = heap_in_use() - before;
  }

  ImmediateReclaimer reclaimer;
  SubscriptionTable table{reclaimer, SharedStrategy::round_robin};
  std::vector<std::string> topics;
  std::size_t heap = 0;
};

// The table of that size; filling one takes longer than measuring it.
Filled& filled(std::size_t filters) {
  static std::unique_ptr<Filled> last;
  if (!last || last->topics.size() != filters) {
    last.reset();
    last = std::make_unique<Filled>(filters);
  }
  return *last;
}

// `pick` chooses the topic, of so many.
template <class Pick>
void match_topics(benchmark::State& state, Pick pick) {
  Filled& of = filled(static_cast<std::size_t>(state.range(0)));
  MatchResult result;
  for (auto _ : state) {
    result.clear();
    of.table.match(pick(of.topics), result);
    benchmark::DoNotOptimize(result.subscribers.data());
  }
  report_octets(state, "heap_per_filter", of.heap, of.topics.size());
}

void match_any(benchmark::State& state) {
  Random random;
  match_topics(state, [&](const auto& topics) -> std::string_view {
    return topics[random() % topics.size()];
  });
}
void match_exact(benchmark::State& state) {
  match_topics(state, [](const auto& topics) -> std::string_view { return topics[0]; });
}
void match_plus(benchmark::State& state) {
  match_topics(state, [](const auto& topics) -> std::string_view { return topics[7]; });
}
void match_nobody(benchmark::State& state) {
  match_topics(state, [](const auto&) -> std::string_view { return "nobody/listens/here"; });
}

// Adds filters to a table and takes them away again, each time a million or so.
void subscribe(benchmark::State& state) {
  const auto filters = static_cast<std::size_t>(state.range(0));
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < filters; ++i) texts.push_back(filter(i));
  const auto count = static_cast<benchmark::IterationCount>(filters);
  while (state.KeepRunningBatch(count)) {
    ImmediateReclaimer reclaimer;
    SubscriptionTable table(reclaimer, SharedStrategy::round_robin);
    for (std::size_t i = 0; i < filters; ++i) table.add(parsed(texts[i]), client(i % 10), {});
    for (std::size_t i = 0; i < filters; ++i) table.remove(parsed(texts[i]), client(i % 10));
  }
}

void crowd(benchmark::State& state, std::string_view text) {
  const auto members = static_cast<std::size_t>(state.range(0));
  ImmediateReclaimer reclaimer;
  SubscriptionTable table(reclaimer, SharedStrategy::round_robin);
  const ParsedFilter one = parsed(text);
  const std::size_t before = heap_in_use();
  for (std::size_t i = 0; i < members; ++i) table.add(one, client(i), {});
  report_octets(state, "heap_per_subscription", heap_in_use() - before, members);
  MatchResult result;
  for (auto _ : state) {
    result.clear();
    table.match("crowd", result);
    benchmark::DoNotOptimize(result.subscribers.data());
  }
}

// One size after the other, so that each table is filled once.
const int kRegistered = [] {
  for (const int filters : {1'000, 100'000, 1'000'000}) {
    benchmark::RegisterBenchmark("match_any", match_any)->Arg(filters);
    benchmark::RegisterBenchmark("match_exact", match_exact)->Arg(filters);
    benchmark::RegisterBenchmark("match_plus", match_plus)->Arg(filters);
    benchmark::RegisterBenchmark("match_nobody", match_nobody)->Arg(filters);
  }
  return 0;
}();
BENCHMARK(subscribe)->Arg(1'000)->Arg(100'000);
BENCHMARK_CAPTURE(crowd, plain, "crowd")->Arg(100)->Arg(100'000);
BENCHMARK_CAPTURE(crowd, shared, "$share/g/crowd")->Arg(100)->Arg(100'000);

}  // namespace
