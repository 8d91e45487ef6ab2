// The subscription table at a million filters: memory, subscribing, matching hot and cold, one
// filter with many subscribers.
#include <cstdlib>
#include <string>
#include <vector>

#include "kernel/router/subscription_table.hpp"
#include "tests/bench/bench_support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

class ImmediateReclaimer : public Reclaimer {
 public:
  void after_grace_period(Task task) override { task(); }
};

// Of ten filters seven are exact, two hold a '+', one ends in '#'; topic(i) matches filter(i) only.
std::string place(std::uint64_t i) {
  return std::to_string(i / 1000) + "/" + std::to_string(i % 1000);
}
std::string filter(std::uint64_t i) {
  if (i % 10 < 7) return "plant/line" + place(i) + "/state";
  return i % 10 < 9 ? "site/room" + place(i) + "/+/value" : "area/zone" + place(i) + "/#";
}
std::string topic(std::uint64_t i) {
  if (i % 10 < 7) return "plant/line" + place(i) + "/state";
  return i % 10 < 9 ? "site/room" + place(i) + "/sensor7/value"
                    : "area/zone" + place(i) + "/alarm/smoke";
}

ParsedFilter parsed(std::string_view text) {
  ParsedFilter out;
  if (parse_filter(text, 0, 0, out) != FilterError::none) std::abort();
  return out;
}

Subscriber client(std::uint64_t i) { return Subscriber::make(0, static_cast<std::uint32_t>(i)); }

void mixed(std::uint64_t filters) {
  ImmediateReclaimer reclaimer;
  SubscriptionTable table(reclaimer, SharedStrategy::round_robin);
  std::vector<std::string> texts(filters), topics(filters);
  for (std::uint64_t i = 0; i < filters; ++i) {
    texts[i] = filter(i);
    topics[i] = topic(i);
  }
  const std::size_t before = heap_in_use();
  const double add =
      per_round(filters, [&](std::uint64_t i) { table.add(parsed(texts[i]), client(i % 10), {}); });
  table.flush_retired();
  const std::size_t after = heap_in_use();
  const auto count = static_cast<double>(filters);
  fmt::print("{} mixed filters\n", filters);
  report("  subscribe", add, "ns");
  report("  heap per subscription", static_cast<double>(after - before) / count, "bytes");
  report("  counts().bytes per subscription", static_cast<double>(table.counts().bytes) / count,
         "bytes");

  MatchResult result;
  std::size_t found = 0;
  const auto match = [&](const std::string& text) {
    result.clear();
    table.match(text, result);
    found += result.subscribers.size();
  };
  Random random;
  constexpr std::uint64_t kRounds = 1'000'000;
  report("  match, any topic", per_round(kRounds, [&](auto) { match(topics[random() % filters]); }),
         "ns");
  if (found != kRounds) std::abort();
  report("  match, one hot exact topic", per_round(kRounds, [&](auto) { match(topics[0]); }), "ns");
  report("  match, one hot '+' topic", per_round(kRounds, [&](auto) { match(topics[7]); }), "ns");
  report("  match, nobody", per_round(kRounds, [&](auto) { match("nobody/listens/here"); }), "ns");

  const double remove =
      per_round(filters, [&](std::uint64_t i) { table.remove(parsed(texts[i]), client(i % 10)); });
  report("  unsubscribe", remove, "ns");
  table.flush_retired();
  report("  heap left", static_cast<double>(heap_in_use() - before) / 1024, "KiB");
}

void crowd(std::string_view text) {
  ImmediateReclaimer reclaimer;
  SubscriptionTable table(reclaimer, SharedStrategy::round_robin);
  constexpr std::uint64_t kMany = 100'000;
  const ParsedFilter one = parsed(text);
  FilterId id = 0;
  fmt::print("{} subscribers of {}\n", kMany, text);
  const std::size_t before = heap_in_use();
  report("  subscribe",
         per_round(kMany, [&](auto i) { id = table.add(one, client(i), {}).filter; }), "ns");
  report("  heap per subscription", static_cast<double>(heap_in_use() - before) / kMany, "bytes");
  MatchResult result;
  const double match = per_round(100, [&](auto) {
    result.clear();
    table.match("crowd", result);
  });
  report("  match, per subscriber", match / kMany, "ns");
  report("  unsubscribe",
         per_round(kMany, [&](auto i) { table.remove(id, client(i * 7919 % kMany)); }), "ns");
}

}  // namespace

int main(int argc, char** argv) {
  mixed(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000);
  crowd("crowd");
  crowd("$share/g/crowd");
}
