#include "kernel/plugin/own_threads.hpp"

#include <doctest/doctest.h>
#include <pthread.h>

#include <future>
#include <memory>
#include <thread>

namespace keel::kernel {
namespace {

// Runs until it is told to end.
struct Runner {
  explicit Runner(const char* name = nullptr) {
    std::promise<void> named;
    std::future<void> begun = named.get_future();
    thread = std::thread([name, named = std::move(named), end = end.get_future()]() mutable {
      if (name) ::pthread_setname_np(::pthread_self(), name);
      named.set_value();
      end.wait();
    });
    begun.wait();
  }
  ~Runner() { stop(); }
  void stop() {
    if (!thread.joinable()) return;
    end.set_value();
    thread.join();
  }
  std::promise<void> end;
  std::thread thread;
};

TEST_CASE("threads that a call starts are known until they have ended") {
  const Runner other;
  OwnThreads threads;
  CHECK(threads.ended());
  CHECK(threads.text().empty());
  std::unique_ptr<Runner> first, second;
  CHECK(threads.during([&] {
    first = std::make_unique<Runner>();
    Runner().stop();  // not there any more when the call returns
    return 7;
  }) == 7);
  threads.during([&] {
    second = std::make_unique<Runner>("a (b) c d)");
    return 0;
  });
  CHECK_FALSE(threads.ended());
  CHECK(threads.text().starts_with("thread "));
  CHECK(threads.text().ends_with(" still runs"));
  first->stop();
  CHECK_FALSE(threads.ended());
  second->stop();
  CHECK(threads.ended_in_a_moment());
  CHECK(threads.text().empty());
}

TEST_CASE("threads that come between calls, and those of the broker, are not the plugin's") {
  OwnThreads threads;
  threads.during([] { return 0; });
  const Runner between;
  std::unique_ptr<Runner> command;
  threads.during([&] {
    command = std::make_unique<Runner>("keel/ctl");
    return 0;
  });
  CHECK(threads.ended());
}

}  // namespace
}  // namespace keel::kernel
