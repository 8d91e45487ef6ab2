// The retained store at 300 000 messages of 64 bytes: memory, setting, looking up, wildcards,
// cleaning.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernel/retained/retained_store.hpp"
#include "tests/bench/bench_support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

MessagePtr message(const std::string& topic, std::string_view payload) {
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

void wildcard(const RetainedStore& store, std::string_view filter) {
  std::size_t found = 0;
  const double took = per_round(1, [&](auto) { found = fetch(store, filter); });
  report(fmt::format("  match {} ({} found), per message", filter, found),
         took / static_cast<double>(std::max<std::size_t>(found, 1)), "ns");
}

void run(std::uint64_t messages, bool shuffled) {
  std::vector<std::string> topics(messages);
  for (std::uint64_t i = 0; i < messages; ++i)
    topics[i] = "retain/site" + std::to_string(i / 1000) + "/sensor" + std::to_string(i % 1000);
  Random random;
  if (shuffled)
    for (std::uint64_t i = messages - 1; i > 0; --i) std::swap(topics[i], topics[random() % i]);
  fmt::print("{} messages, {}\n", messages, shuffled ? "in any order" : "in order");
  RetainedStore store({});
  const std::string payload(64, 'p');
  const std::size_t before = heap_in_use();
  report("  set, new topic",
         per_round(messages, [&](auto i) { store.set(message(topics[i], payload)); }), "ns");
  report("  heap per message",
         static_cast<double>(heap_in_use() - before) / static_cast<double>(messages), "bytes");
  report(
      "  set, known topic, any",
      per_round(messages, [&](auto) { store.set(message(topics[random() % messages], payload)); }),
      "ns");
  std::size_t found = 0;
  report("  match, one topic, any",
         per_round(messages, [&](auto) { found += fetch(store, topics[random() % messages]); }),
         "ns");
  if (found != messages) std::abort();
  wildcard(store, "#");
  wildcard(store, "retain/+/sensor7");
  wildcard(store, "+/site17/#");
  std::size_t cleaned = 0;
  report("  clean, per message",
         per_round(1, [&](auto) { cleaned = store.clean("#", messages).removed; }) /
             static_cast<double>(messages),
         "ns");
  if (cleaned != messages) std::abort();
  report("  heap left", static_cast<double>(heap_in_use() - before) / 1024, "KiB");
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t messages = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 300'000;
  run(messages, false);
  run(messages, true);
}
