#include "kernel/session/inflight.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <random>
#include <string>

#include "deliveries.hpp"

namespace keel::kernel {
namespace {

std::vector<std::string> payloads(const std::vector<Delivery*>& deliveries) {
  std::vector<std::string> all;
  for (const Delivery* delivery : deliveries) all.push_back(payload_of(*delivery));
  return all;
}

TEST_CASE("inflight: ids ascend from 1, never 0, and what was stored is found under them") {
  Inflight window;
  CHECK(window.empty());
  CHECK(window.find(1) == nullptr);
  for (std::uint16_t i = 1; i <= 100; ++i) {
    const Delivery* kept = window.insert(delivery(1, std::to_string(i)));
    REQUIRE(kept);
    CHECK(kept->packet_id == i);
  }
  CHECK(window.size() == 100);
  CHECK(window.find(0) == nullptr);
  CHECK(window.find(101) == nullptr);
  for (std::uint16_t i = 1; i <= 100; ++i) {
    REQUIRE(window.find(i));
    CHECK(payload_of(*window.find(i)) == std::to_string(i));
  }
  const Delivery taken = window.take(50);
  CHECK(payload_of(taken) == "50");
  CHECK(window.find(50) == nullptr);
  CHECK(window.size() == 99);
  CHECK(window.insert(delivery(1, "again"))->packet_id == 101);
}

TEST_CASE("inflight: ids wrap past 65535, pass over those in use, and keep the order") {
  Inflight window;
  for (int i = 0; i < 65'530; ++i) window.take(window.insert(delivery(1, "x"))->packet_id);
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    const std::uint16_t id = window.insert(delivery(1, std::to_string(i)))->packet_id;
    CHECK(id == (i < 5 ? 65'531 + i : i - 4));
    expected.push_back(std::to_string(i));
  }
  CHECK(payloads(window.in_order()) == expected);
  const std::vector<Delivery> all = window.take_all();
  REQUIRE(all.size() == 12);
  CHECK(payload_of(all.front()) == "0");
  CHECK(payload_of(all.back()) == "11");
  CHECK(window.empty());
  CHECK(window.in_order().empty());
  CHECK(window.insert(delivery(1, "on"))->packet_id == 8);
}

TEST_CASE("inflight: all 65535 ids in use, then none is left") {
  Inflight window;
  std::vector<bool> used(65'536);
  const MessagePtr message = message_of("x");
  for (int i = 0; i < 65'535; ++i) {
    Delivery one;
    one.message = message;
    one.qos = 1;
    const Delivery* kept = window.insert(std::move(one));
    REQUIRE(kept);
    REQUIRE(kept->packet_id != 0);
    REQUIRE(!used[kept->packet_id]);
    used[kept->packet_id] = true;
  }
  CHECK(window.insert(delivery(1, "one too many")) == nullptr);
  CHECK(window.size() == 65'535);
  window.take(777);
  CHECK(window.insert(delivery(1, "fits"))->packet_id == 777);
  CHECK(window.insert(delivery(1, "one too many")) == nullptr);
}

TEST_CASE("inflight: a burst that is over gives its memory back and the ids go on") {
  Inflight window;
  for (int i = 0; i < 1'000; ++i) window.insert(delivery(1, "x"));
  for (std::uint16_t i = 1; i <= 1'000; ++i) window.take(i);
  CHECK(window.empty());
  CHECK(window.find(5) == nullptr);
  CHECK(window.insert(delivery(1, "y"))->packet_id == 1'001);
}

TEST_CASE("inflight: random use against a map") {
  for (const unsigned most : {1u, 7u, 32u, 500u, 3'000u}) {
    std::mt19937 random(most);
    Inflight window;
    std::map<std::uint16_t, std::string> naive;
    std::deque<std::uint16_t> order;  // as sent
    std::uint16_t last = 0;
    for (int step = 0; step < 150'000; ++step) {
      const bool insert = naive.empty() || (naive.size() < most && random() % 2 == 0);
      if (insert) {
        const std::string payload = std::to_string(step);
        const Delivery* kept = window.insert(delivery(1, payload));
        REQUIRE(kept);
        const std::uint16_t id = kept->packet_id;
        REQUIRE(id != 0);
        REQUIRE(!naive.contains(id));
        // Ids ascend; what is passed over stands in for at most the ones in use.
        REQUIRE(static_cast<std::uint16_t>(id - last) <= 4 * naive.size() + 9);
        last = id;
        naive[id] = payload;
        order.push_back(id);
      } else {
        // Mostly the oldest, as clients do; now and then one of the next.
        const std::size_t at =
            random() % 4 ? 0 : random() % std::min<std::size_t>(order.size(), 20);
        const std::uint16_t id = order[at];
        order.erase(order.begin() + static_cast<std::ptrdiff_t>(at));
        REQUIRE(payload_of(window.take(id)) == naive[id]);
        naive.erase(id);
        REQUIRE(window.find(id) == nullptr);
      }
      REQUIRE(window.size() == naive.size());
      const auto any = static_cast<std::uint16_t>(random());
      REQUIRE((window.find(any) != nullptr) == naive.contains(any));
      if (step % 997 == 0) {
        std::vector<std::string> expected;
        for (const std::uint16_t id : order) expected.push_back(naive[id]);
        REQUIRE(payloads(window.in_order()) == expected);
      }
    }
  }
}

}  // namespace
}  // namespace keel::kernel
