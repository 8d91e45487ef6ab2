#include "kernel/net/worker_pool.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>

using namespace keel::kernel;

TEST_CASE("jobs run, the queue is bounded, stop drops what waits") {
  WorkerPool pool({.threads = 1, .max_queued = 2});
  std::promise<void> entered, release;
  REQUIRE(pool.submit([&] {
    entered.set_value();
    release.get_future().wait();
  }));
  entered.get_future().wait();
  auto token = std::make_shared<int>(0);
  std::atomic<int> ran{0};
  CHECK(pool.submit([&ran, token] { ++ran; }));
  CHECK(pool.submit([&ran, token] { ++ran; }));
  CHECK_FALSE(pool.submit([&ran, token] { ++ran; }));
  CHECK(token.use_count() == 3);
  release.set_value();
  pool.stop();
  CHECK(token.use_count() == 1);
  CHECK_FALSE(pool.submit([&ran] { ++ran; }));
  CHECK(ran <= 2);
}

TEST_CASE("all threads work") {
  WorkerPool pool({.threads = 3, .max_queued = 1000});
  std::atomic<int> sum{0};
  std::promise<void> done;
  for (int i = 0; i < 300; ++i) {
    REQUIRE(pool.submit([&] {
      if (++sum == 300) done.set_value();
    }));
  }
  CHECK(done.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
}

TEST_CASE("the threads give way to others, and only they") {
  const int before = ::getpriority(PRIO_PROCESS, 0);
  WorkerPool pool({.threads = 2, .max_queued = 10});
  std::promise<int> nice;
  REQUIRE(pool.submit([&] { nice.set_value(::getpriority(PRIO_PROCESS, 0)); }));
  CHECK(nice.get_future().get() == std::max(before, WorkerPool::kNice));
  CHECK(::getpriority(PRIO_PROCESS, 0) == before);
}

TEST_CASE("an exception ends its job only, and the load is known") {
  WorkerPool pool({.threads = 1, .max_queued = 10});
  CHECK(pool.max_queued() == 10);
  std::promise<void> entered, release, done;
  REQUIRE(pool.submit([&] {
    entered.set_value();
    release.get_future().wait();
    throw std::runtime_error("no");
  }));
  entered.get_future().wait();
  REQUIRE(pool.submit([] { throw 7; }));
  REQUIRE(pool.submit([&] { done.set_value(); }));
  WorkerPool::Load load = pool.load();
  CHECK(load.queued == 2);
  CHECK(load.running == 1);
  CHECK(load.done == 0);
  release.set_value();
  REQUIRE(done.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  pool.stop();
  load = pool.load();
  CHECK(load.queued == 0);
  CHECK(load.running == 0);
  CHECK(load.failed == 2);
  CHECK(load.done == 1);
}
