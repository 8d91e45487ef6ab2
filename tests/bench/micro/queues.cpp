// What a session holds messages in: the queue of those that wait, the window of those under way.
#include <string>

#include "kernel/session/inflight.hpp"
#include "kernel/session/message_queue.hpp"
#include "support.hpp"

using namespace keel::kernel;
using namespace keel::bench;

namespace {

Delivery delivery(std::uint8_t qos) {
  static const MessagePtr message = [] {
    MessageView view;
    view.topic = "site/room/state";
    view.payload = "21.5";
    return Message::create(view);
  }();
  Delivery delivery;
  delivery.message = message;
  delivery.qos = qos;
  return delivery;
}

// So many into an empty queue, and out again.
void queue_push_pop(benchmark::State& state) {
  const std::int64_t size = state.range(0);
  const std::size_t before = heap_in_use();
  {
    MessageQueue queue;
    for (std::int64_t i = 0; i < size; ++i) queue.push(delivery(1));
    report_octets(state, "heap_per_delivery", heap_in_use() - before,
                  static_cast<std::size_t>(size));
  }
  while (state.KeepRunningBatch(size)) {
    MessageQueue queue;
    for (std::int64_t i = 0; i < size; ++i) queue.push(delivery(1));
    for (std::int64_t i = 0; i < size; ++i) benchmark::DoNotOptimize(queue.pop());
  }
}

// A full queue, each new message in the place of the oldest.
void queue_drop(benchmark::State& state) {
  MessageQueue queue;
  for (std::int64_t i = 0; i < state.range(0); ++i) queue.push(delivery(1));
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.drop());
    queue.push(delivery(1));
  }
}

// A window that stays as full as it is: each acknowledgement makes room for the next message.
void inflight(benchmark::State& state) {
  const std::size_t before = heap_in_use();
  Inflight window;
  std::uint16_t oldest = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    const std::uint16_t id = window.insert(delivery(1))->packet_id;
    if (i == 0) oldest = id;
  }
  report_octets(state, "heap_per_delivery", heap_in_use() - before,
                static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    if (!window.find(oldest)) state.SkipWithError("a delivery is gone");
    benchmark::DoNotOptimize(window.take(oldest));
    oldest = static_cast<std::uint16_t>(oldest % 65'535 + 1);
    window.insert(delivery(1));
  }
}

BENCHMARK(queue_push_pop)->Arg(1)->Arg(32)->Arg(10'000);
BENCHMARK(queue_drop)->Arg(1'000);
BENCHMARK(inflight)->Arg(1)->Arg(32)->Arg(1'000);

}  // namespace
