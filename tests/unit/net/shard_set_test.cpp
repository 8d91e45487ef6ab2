#include "kernel/net/shard_set.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

using namespace keel::kernel;
using namespace std::chrono_literals;

TEST_CASE("posts arrive in order, from every sender") {
  ShardSet shards({.shards = 2});
  shards.start();
  constexpr int kPosts = 20'000;
  std::vector<std::vector<int>> seen(2);  // by sender; touched by shard 0 only
  std::vector<std::thread> senders;
  for (std::size_t sender = 0; sender < 2; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < kPosts; ++i) {
        shards.shard(0).post([&seen, sender, i] { seen[sender].push_back(i); });
      }
    });
  }
  for (auto& thread : senders) thread.join();
  REQUIRE(shards.barrier([](Shard&) {}, 20s));
  for (const auto& list : seen) {
    REQUIRE(list.size() == kPosts);
    for (int i = 0; i < kPosts; ++i) REQUIRE(list[static_cast<std::size_t>(i)] == i);
  }
  shards.stop();
}

TEST_CASE("a barrier runs on every shard's own thread, after what was posted before") {
  ShardSet shards({.shards = 3});
  shards.start();
  std::atomic<int> before{0}, ran{0};
  for (std::uint32_t i = 0; i < shards.size(); ++i) shards.shard(i).post([&] { ++before; });
  std::mutex mutex;
  std::set<std::thread::id> threads;
  REQUIRE(shards.barrier(
      [&](Shard& shard) {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
        CHECK(shard.index() < 3);
        ++ran;
      },
      20s));
  CHECK(before == 3);
  CHECK(ran == 3);
  CHECK(threads.size() == 3);
  CHECK(threads.count(std::this_thread::get_id()) == 0);
}

TEST_CASE("a barrier that times out is not entered later") {
  ShardSet shards({.shards = 2});
  shards.start();
  std::promise<void> release;
  shards.shard(1).post([&] { release.get_future().wait(); });
  std::atomic<int> ran{0};
  CHECK_FALSE(shards.barrier([&](Shard&) { ++ran; }, 20ms));
  const int at_return = ran;
  release.set_value();
  REQUIRE(shards.barrier([](Shard&) {}, 20s));
  CHECK(ran == at_return);
}

TEST_CASE("a grace period ends after the turns under way") {
  ShardSet shards({.shards = 2});
  shards.start();
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> inside{0};
    std::promise<int> seen;
    for (std::uint32_t i = 0; i < 2; ++i) shards.shard(i).post([&] { ++inside; });
    shards.after_grace_period([&] { seen.set_value(inside); });
    REQUIRE(seen.get_future().get() == 2);
  }
}

TEST_CASE("the turn end callback runs after the mailbox, and the next turn's task sees it") {
  ShardSet shards({.shards = 1});
  struct Counter {
    std::atomic<int> turns{0};
    static void on_end(void* self) { ++static_cast<Counter*>(self)->turns; }
  } counter;
  shards.shard(0).set_turn_end(Counter::on_end, &counter);
  shards.start();
  REQUIRE(shards.barrier([](Shard&) {}, 20s));
  int seen = 0;
  REQUIRE(shards.barrier([&](Shard&) { seen = counter.turns; }, 20s));
  CHECK(seen >= 1);
  shards.stop();
}

TEST_CASE("timers drive an otherwise idle shard") {
  ShardSet shards({.shards = 1});
  shards.start();
  struct Tick {
    std::promise<std::int64_t> fired;
    Shard* shard = nullptr;
    Timer timer{[](void* self) {
                  auto* tick = static_cast<Tick*>(self);
                  tick->fired.set_value(tick->shard->now_ms());
                },
                this};
  } tick;
  tick.shard = &shards.shard(0);
  std::int64_t armed = 0;
  REQUIRE(shards.barrier(
      [&](Shard& shard) {
        armed = shard.now_ms();
        shard.timers().arm(tick.timer, 120);
      },
      20s));
  auto fired = tick.fired.get_future();
  REQUIRE(fired.wait_for(20s) == std::future_status::ready);
  CHECK(fired.get() - armed >= 120);
}

TEST_CASE("after stop tasks are destroyed, and a grace period still runs its task") {
  ShardSet shards({.shards = 2});
  shards.start();
  std::atomic<int> ran{0};
  shards.shard(0).post([&] { ++ran; });
  shards.stop();
  CHECK(ran == 1);
  auto token = std::make_shared<int>(0);
  shards.shard(0).post([token, &ran] { ++ran; });
  CHECK(token.use_count() == 1);
  CHECK(ran == 1);
  shards.after_grace_period([&ran] { ++ran; });
  CHECK(ran == 2);
}

TEST_CASE("threads carry their names") {
  ShardSet shards({.shards = 1, .pin = true});
  shards.start();
  std::string name;
  REQUIRE(shards.run_on(
      0,
      [&](Shard&) {
        char buffer[16] = {};
        pthread_getname_np(pthread_self(), buffer, sizeof buffer);
        name = buffer;
      },
      20s));
  CHECK(name == "keel/0");
}
