// FakeHost's tables log, clock, shard, timer, fd, worker, state and services. Part of
// keel/fake.hpp.
#pragma once

#include "keel/ext/clock.h"
#include "keel/ext/fd.h"
#include "keel/ext/log.h"
#include "keel/ext/services.h"
#include "keel/ext/state.h"
#include "keel/ext/timer.h"
#include "keel/ext/worker.h"
#include "keel/fake/settings.hpp"

namespace keel::fake {

struct Timer final : Object {
  const char* kind() const override { return "timer"; }
  std::int64_t due_ms = 0;
  std::uint32_t first_ms = 0, period_ms = 0;
  keel_timer_fn fn = nullptr;
  void* ctx = nullptr;
};
struct Watch final : Object {
  const char* kind() const override { return "watch"; }
  std::int32_t fd = -1;
  std::uint32_t events = 0;
  keel_fd_fn fn = nullptr;
  void* ctx = nullptr;
};
struct Service final : Object {
  const char* kind() const override { return "service"; }
  std::string id;
  const void* table = nullptr;
};

class Basics : public Settings {
 public:
  using Settings::Settings;

  // ---- for tests ----
  std::uint32_t log_level = KEEL_LOG_DEBUG;
  std::string state_dir = "/var/lib/keel/plugins/fake";
  std::size_t queue_limit = 1'000'000;  // of posts, and of jobs
  // Tables that other plugins offer.
  std::map<std::string, const void*> services;

  // Moves the clock, firing timers in the order of their time, and runs what is posted.
  void advance(std::int64_t ms);
  // Says that a watched descriptor is ready.
  void ready(int fd, std::uint32_t events);
  std::size_t jobs() const { return jobs_.size(); }
  // Runs jobs of the worker pool, oldest first, and their answers.
  void run_jobs(std::size_t most = SIZE_MAX);
  std::size_t posts() const { return posts_; }

 protected:
  bool cancelling() const { return cancelling_; }
  // Posts and jobs that wait are answered as cancelled.
  void cancel_waiting();

  const void* basic_table(std::string_view id);

 private:
  struct Job {
    keel_work_fn work;
    keel_task_fn done;
    void* ctx;
    std::uint32_t shard;
  };
  static Basics& of(const keel_host* host) { return static_cast<Basics&>(*instance(host).kernel); }

  void fire(keel_handle handle);

  static const keel_ext_log& log_table();
  static const keel_ext_clock& clock_table();
  static const keel_ext_shard& shard_table();
  static const keel_ext_timer& timer_table();
  static const keel_ext_fd& fd_table();
  static const keel_ext_worker& worker_table();
  static const keel_ext_state& state_table();
  static const keel_ext_services& services_table();
  const void* offered(const std::string& id);

  std::deque<Job> jobs_;
  std::size_t posts_ = 0;
  bool cancelling_ = false;
};

}  // namespace keel::fake
