// Readers without a lock beside a writer, with real grace periods; meant for the thread sanitizer.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernel/router/shared_group.hpp"
#include "kernel/router/subscription_table.hpp"

using namespace keel::kernel;

namespace {

constexpr std::size_t kReaders = 2;

// A task runs once every reader has passed the end of a turn that began before the task came.
class TurnReclaimer : public Reclaimer {
 public:
  void after_grace_period(Task task) override {
    const std::lock_guard hold(mutex_);
    waiting_.push_back({std::move(task), now()});
  }
  void turn_ended(std::size_t reader) { turns_[reader].fetch_add(1, std::memory_order_acq_rel); }
  void run_due() {
    for (;;) {
      Task task;
      {
        const std::lock_guard hold(mutex_);
        if (waiting_.empty() || !passed(waiting_.front().since)) return;
        task = std::move(waiting_.front().task);
        waiting_.pop_front();
      }
      task();
      ++ran;
    }
  }
  std::size_t ran = 0;

 private:
  using Turns = std::array<std::uint64_t, kReaders>;
  struct Waiting {
    Task task;
    Turns since;
  };
  Turns now() const {
    Turns turns;
    for (std::size_t i = 0; i < kReaders; ++i) turns[i] = turns_[i].load(std::memory_order_acquire);
    return turns;
  }
  // The turn that was running has ended: one more end has been counted since.
  bool passed(const Turns& since) const {
    const Turns turns = now();
    for (std::size_t i = 0; i < kReaders; ++i)
      if (turns[i] == since[i]) return false;
    return true;
  }

  std::mutex mutex_;
  std::deque<Waiting> waiting_;
  std::array<std::atomic<std::uint64_t>, kReaders> turns_{};
};

// Subscription ids tell which filter a subscription was made for, so a reader can check what it is
// given.
constexpr std::uint32_t kFilters = 300;
std::string filter_text(std::uint32_t i) {
  const std::string n = std::to_string(i % 100);
  return i < 100 ? "t/" + n : i < 200 ? "t/" + n + "/+" : "t/" + n + "/#";
}

void read_turn(const SubscriptionTable& table, std::uint64_t draw, MatchResult& result,
               std::atomic<bool>& wrong) {
  const auto n = static_cast<std::uint32_t>(draw % 100);
  const bool deep = (draw >> 20) % 2 == 0;
  const std::string topic = "t/" + std::to_string(n) + (deep ? "/x" : "");
  result.clear();
  table.match(topic, result);
  bool always = false;
  for (const Match& m : result.subscribers) {
    const std::uint32_t id = m.options.subscription_id;
    if (id % 100 != n || id >= kFilters || m.options.qos != id % 3) wrong = true;
    always = always || m.subscriber.slot() == 9'999;
  }
  if (!deep && !always) wrong = true;  // subscribed all the time, in lists that change all the time
  for (SharedGroup* group : result.groups) {
    Match picked;
    const PickContext context{.shard = 0, .publisher = draw, .random = draw * 31};
    if (group->pick(context, picked) && picked.options.subscription_id % 100 != n) wrong = true;
  }
}

}  // namespace

TEST_CASE("two readers and a writer") {
  TurnReclaimer reclaimer;
  SubscriptionTable table(reclaimer, SharedStrategy::sticky);
  const auto options = [](std::uint32_t i) {
    return SubscriptionOptions{.qos = static_cast<std::uint8_t>(i % 3), .subscription_id = i};
  };
  for (std::uint32_t i = 0; i < 100; ++i)
    table.add({.group = {}, .filter = filter_text(i)}, Subscriber::make(0, 9'999), options(i));

  std::atomic<bool> stop{false}, wrong{false};
  std::vector<std::thread> readers;
  for (std::size_t r = 0; r < kReaders; ++r) {
    readers.emplace_back([&, r] {
      std::mt19937_64 random(r);
      MatchResult result;
      while (!stop.load(std::memory_order_relaxed)) {
        for (int i = 0; i < 8; ++i) read_turn(table, random(), result, wrong);
        reclaimer.turn_ended(r);
      }
    });
  }
  std::mt19937_64 random(99);
  constexpr SharedStrategy kStrategies[] = {SharedStrategy::random, SharedStrategy::round_robin,
                                            SharedStrategy::sticky, SharedStrategy::hash};
  for (int step = 0; step < 30'000 && !wrong; ++step) {
    const auto i = static_cast<std::uint32_t>(random() % kFilters);
    const std::string text = filter_text(i);
    const ParsedFilter filter{
        .group = random() % 4 == 0 ? "g" : "", .filter = text, .wildcard = i >= 100};
    const Subscriber subscriber = Subscriber::make(0, static_cast<std::uint32_t>(random() % 100));
    if (random() % 2 == 0) {
      const FilterId id = table.add(filter, subscriber, options(i)).filter;
      if (filter.shared()) table.set_online(id, subscriber, random() % 2 == 0);
    } else {
      table.remove(filter, subscriber);
    }
    if (step % 64 == 0) table.flush_retired();
    if (step % 1'000 == 0) table.set_strategy(kStrategies[step / 1'000 % 4]);
    reclaimer.run_due();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK_FALSE(wrong);
  CHECK(reclaimer.ran > 0);
}

TEST_CASE("writers on several threads") {
  TurnReclaimer reclaimer;  // never due: nothing is freed before the end
  SubscriptionTable table(reclaimer, SharedStrategy::random);
  const auto work = [&](std::uint32_t shard) {
    for (std::uint32_t i = 0; i < 5'000; ++i) {
      const std::string text = filter_text(i % kFilters);
      const ParsedFilter filter{.group = {}, .filter = text, .wildcard = i % kFilters >= 100};
      table.add(filter, Subscriber::make(shard, i), {});
      if (i % 2 == 0) table.remove(filter, Subscriber::make(shard, i));
    }
  };
  std::thread one(work, 0), two(work, 1);
  one.join();
  two.join();
  CHECK(table.counts().subscriptions == 5'000);
}
