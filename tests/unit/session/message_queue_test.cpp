#include "kernel/session/message_queue.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <string>

#include "deliveries.hpp"

namespace keel::kernel {
namespace {

// What the queue is to do, without the ring.
struct Naive {
  struct Item {
    std::uint8_t qos;
    std::string payload;
    std::size_t cost;
  };
  std::deque<Item> items;

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Item& item : items) sum += item.cost;
    return sum;
  }
  std::string drop() {
    auto victim = items.begin();
    for (auto at = items.begin(); at != items.end(); ++at)
      if (at->qos == 0) {
        victim = at;
        break;
      }
    std::string payload = victim->payload;
    items.erase(victim);
    return payload;
  }
};

TEST_CASE("message queue: first in, first out, with the bytes of what is in it") {
  MessageQueue queue;
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
  std::size_t bytes = 0;
  for (int i = 0; i < 10; ++i) {
    Delivery one = delivery(1, std::string(static_cast<std::size_t>(i) * 10, 'x'));
    bytes += one.cost();
    queue.push(std::move(one));
  }
  CHECK(queue.size() == 10);
  CHECK(queue.bytes() == bytes);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(queue.front().message->payload().size() == i * 10);
    CHECK(queue.pop().message->payload().size() == i * 10);
  }
  CHECK(queue.empty());
  CHECK(queue.bytes() == 0);
}

TEST_CASE("message queue: a drop takes the oldest QoS 0 message, else the oldest") {
  MessageQueue queue;
  const std::pair<std::uint8_t, const char*> items[] = {
      {1, "a"}, {0, "b"}, {2, "c"}, {0, "d"}, {1, "e"}};
  for (const auto& [qos, payload] : items) queue.push(delivery(qos, payload));
  std::string dropped;
  while (!queue.empty()) dropped += payload_of(queue.drop());
  CHECK(dropped == "bdace");
}

TEST_CASE("message queue: what stays keeps its order after a drop in the middle") {
  MessageQueue queue;
  // The ring's start is not at its beginning.
  for (int i = 0; i < 3; ++i) queue.push(delivery(1, "x"));
  for (int i = 0; i < 3; ++i) queue.push(delivery(1, std::to_string(i)));
  for (int i = 0; i < 3; ++i) queue.pop();
  queue.push(delivery(0, "none"));
  queue.push(delivery(2, "3"));
  CHECK(payload_of(queue.drop()) == "none");
  std::string left;
  while (!queue.empty()) left += payload_of(queue.pop());
  CHECK(left == "0123");
}

TEST_CASE("message queue: remove_if takes out in order and leaves the rest in order") {
  MessageQueue queue;
  for (int i = 0; i < 9; ++i) queue.push(delivery(i % 2 ? 1 : 0, std::to_string(i)));
  const std::size_t before = queue.bytes();
  std::string taken, left;
  std::size_t taken_bytes = 0;
  for (const Delivery& one : queue.remove_if([](const Delivery& d) { return d.qos == 1; })) {
    taken += payload_of(one);
    taken_bytes += one.cost();
  }
  CHECK(taken == "1357");
  CHECK(queue.bytes() == before - taken_bytes);
  CHECK(queue.remove_if([](const Delivery&) { return false; }).empty());
  CHECK(payload_of(queue.drop()) == "0");
  while (!queue.empty()) left += payload_of(queue.pop());
  CHECK(left == "2468");
}

TEST_CASE("message queue: random use against a deque, from empty to thousands and back") {
  std::mt19937 random(7);
  MessageQueue queue;
  Naive naive;
  for (int step = 0; step < 60'000; ++step) {
    // Waves of filling and emptying, so that the ring grows and shrinks.
    const bool filling = step / 7'000 % 2 == 0;
    const unsigned die = random() % 10;
    if (naive.items.empty() || (filling ? die < 7 : die < 2)) {
      const auto qos = static_cast<std::uint8_t>(random() % 8 == 0 ? 0 : 1 + random() % 2);
      Delivery one = delivery(qos, std::to_string(step) + std::string(random() % 50, '.'));
      naive.items.push_back({qos, payload_of(one), one.cost()});
      queue.push(std::move(one));
    } else if (die % 4 == 0 && naive.items.size() < 500) {
      REQUIRE(payload_of(queue.drop()) == naive.drop());
    } else {
      REQUIRE(payload_of(queue.front()) == naive.items.front().payload);
      REQUIRE(payload_of(queue.pop()) == naive.items.front().payload);
      naive.items.pop_front();
    }
    REQUIRE(queue.size() == naive.items.size());
    if (step % 500 == 0) REQUIRE(queue.bytes() == naive.bytes());
  }
}

}  // namespace
}  // namespace keel::kernel
