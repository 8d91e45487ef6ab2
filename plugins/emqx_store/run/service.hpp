// The open store with all its threads: what the plugin starts and stops. Made and destroyed by one
// thread; what else it calls says so.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "emqx_store/engine/engine.hpp"
#include "emqx_store/run/condition.hpp"
#include "emqx_store/run/events.hpp"
#include "emqx_store/run/gate.hpp"
#include "emqx_store/run/jobs.hpp"
#include "emqx_store/run/readers.hpp"
#include "emqx_store/run/watermarks.hpp"
#include "emqx_store/run/writer.hpp"

namespace emqx_store {

struct ServiceOptions {
  EngineOptions engine;
  std::uint32_t readers = 2;
  std::uint32_t commit_delay_us = 0, commit_operations = 128;
  Watermarks watermarks;
  std::uint32_t look_ms = 1000;  // how often space is looked after
  // Opens the engine, for the first time or after a failing write. Empty: Engine::open().
  std::function<Outcome(const EngineOptions&, bool first, std::unique_ptr<Engine>&)> open = {};
};

class Service {
 public:
  // `events` must outlive it, and so must options.engine.env.
  static Outcome open(const ServiceOptions& options, Events& events,
                      std::unique_ptr<Service>& service);
  // Writes what waits, or gives it up, and closes the files.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void submit(const keel_store_batch& batch) { writer_.submit(batch); }  // [any, one at a time]
  bool ask(std::uint64_t request, keel::StoreQuery query) {              // [any]
    return readers_.ask(request, std::move(query));
  }
  void set_pace(std::uint32_t commit_delay_us, std::uint32_t commit_operations) {
    writer_.set_pace(commit_delay_us, commit_operations);
  }
  void set_watermarks(const Watermarks& watermarks);

  // As of the last look, at most a second ago.
  struct Status {
    EngineStats engine;
    DiskSpace space;
    Condition::State condition;
    Writer::State writer;
    std::uint64_t queries_waiting = 0;
    Jobs::State jobs;
  };
  Status status() const;  // [any]
  std::uint64_t last_ticket();

  Gate& gate() { return gate_; }
  Jobs& jobs() { return jobs_; }
  const EngineOptions& engine_options() const { return options_.engine; }

 private:
  Service(const ServiceOptions& options, Events& events);
  Writer::Options writer_options();
  Outcome reopen(const Outcome& after, std::unique_ptr<Engine>& engine);  // [writer]
  void look();

  const ServiceOptions options_;
  bool damaged_ = false;  // [writer]
  Gate gate_;
  Condition condition_;
  Writer writer_;
  Readers readers_;
  Jobs jobs_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  Watermarks watermarks_;
  EngineStats stats_;
  DiskSpace space_;
  std::uint32_t level_ = KEEL_STORE_FINE;
  std::thread watch_;
};

}  // namespace emqx_store
