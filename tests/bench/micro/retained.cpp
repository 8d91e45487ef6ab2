// The retained store at 300 000 messages of 64 octets: memory, setting, looking up, wildcards.
#include <algorithm>
#include <string>
#include <vector>

#include "kernel/retained/retained_store.hpp"
#include "support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

constexpr std::size_t kMessages = 300'000;

MessagePtr message(const std::string& topic) {
  static const std::string payload(64, 'p');
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  view.retain = true;
  return Message::create(view);
}

std::size_t fetch(const RetainedStore& store, std::string_view filter) {
  std::vector<MessagePtr> out;
  std::string after;
  std::size_t found = 0;
  for (bool done = false; !done;) {
    out.clear();
    done = store.match(filter, after, 100, 0, out);
    found += out.size();
  }
  return found;
}

std::vector<std::string> topics(bool shuffled) {
  std::vector<std::string> topics;
  for (std::size_t i = 0; i < kMessages; ++i)
    topics.push_back("retain/site" + std::to_string(i / 1000) + "/sensor" +
                     std::to_string(i % 1000));
  Random random;
  for (std::size_t i = kMessages - 1; shuffled && i > 0; --i)
    std::swap(topics[i], topics[random() % i]);
  return topics;
}

struct Filled {
  Filled() : names(topics(true)) {
    for (const std::string& topic : names) store.set(message(topic));
  }
  const std::vector<std::string> names;
  RetainedStore store{{}};
};

Filled& filled() {
  static Filled one;
  return one;
}

// Into an empty store, and out of it again.
void retained_new(benchmark::State& state, bool shuffled) {
  const std::vector<std::string> names = topics(shuffled);
  while (state.KeepRunningBatch(kMessages)) {
    RetainedStore store({});
    const std::size_t before = heap_in_use();
    for (const std::string& topic : names) store.set(message(topic));
    report_octets(state, "heap_per_message", heap_in_use() - before, kMessages);
    store.clean("#", kMessages);
  }
}

void retained_replace(benchmark::State& state) {
  Filled& of = filled();
  Random random;
  for (auto _ : state) of.store.set(message(of.names[random() % kMessages]));
}

void retained_one(benchmark::State& state) {
  Filled& of = filled();
  Random random;
  for (auto _ : state) benchmark::DoNotOptimize(fetch(of.store, of.names[random() % kMessages]));
}

void retained_filter(benchmark::State& state, std::string_view filter) {
  Filled& of = filled();
  std::size_t found = 0;
  for (auto _ : state) found += fetch(of.store, filter);
  state.SetItemsProcessed(static_cast<std::int64_t>(found));
}

BENCHMARK_CAPTURE(retained_new, in_order, false);
BENCHMARK_CAPTURE(retained_new, in_any_order, true);
BENCHMARK(retained_replace);
BENCHMARK(retained_one);
BENCHMARK_CAPTURE(retained_filter, all, "#");
BENCHMARK_CAPTURE(retained_filter, one_level, "retain/+/sensor7");
BENCHMARK_CAPTURE(retained_filter, one_site, "+/site17/#");

}  // namespace
