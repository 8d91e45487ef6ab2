#include "emqx_store/run/service.hpp"

#include <rocksdb/env.h>
#include <sys/statvfs.h>

#include <chrono>
#include <utility>

#include "emqx_store/engine/probe.hpp"

namespace emqx_store {
namespace {

rocksdb::Env& env_of(const EngineOptions& options) {
  return options.env != nullptr ? *options.env : *rocksdb::Env::Default();
}

Outcome open_engine(const ServiceOptions& options, const EngineOptions& engine_options, bool first,
                    std::unique_ptr<Engine>& engine) {
  return options.open ? options.open(engine_options, first, engine)
                      : Engine::open(engine_options, engine);
}

// False: the system does not say.
bool look_at_disk(const EngineOptions& options, DiskSpace& space) {
  struct statvfs disk {};
  if (::statvfs(options.directory.c_str(), &disk) != 0) return false;
  space.total = static_cast<std::uint64_t>(disk.f_blocks) * disk.f_frsize;
  return env_of(options).GetFreeSpace(options.directory, &space.free).ok();
}

}  // namespace

Service::Service(const ServiceOptions& options, Events& events)
    : options_(options),
      condition_(events),
      writer_(gate_, condition_, events, writer_options()),
      readers_(gate_, events),
      watermarks_(options.watermarks) {}

Writer::Options Service::writer_options() {
  Writer::Options out;
  out.commit_delay_us = options_.commit_delay_us;
  out.commit_operations = options_.commit_operations;
  out.open = [this](const Outcome& after, std::unique_ptr<Engine>& engine) {
    return reopen(after, engine);
  };
  out.make_way = [this] { jobs_.cancel(); };
  out.probe = [this] { return probe_disk(env_of(options_.engine), options_.engine.directory); };
  return out;
}

Outcome Service::open(const ServiceOptions& options, Events& events,
                      std::unique_ptr<Service>& service) {
  std::unique_ptr<Engine> engine;
  if (Outcome opened = open_engine(options, options.engine, true, engine); !opened) return opened;
  service.reset(new Service(options, events));
  service->gate_.open(std::move(engine));
  service->writer_.start();
  service->readers_.start(options.readers);
  service->watch_ = std::thread([&self = *service] {
    std::unique_lock lock(self.mutex_);
    do {
      lock.unlock();
      self.look();
      lock.lock();
    } while (!self.wake_.wait_for(lock, std::chrono::milliseconds(self.options_.look_ms),
                                  [&self] { return self.stopping_; }));
  });
  return {};
}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (watch_.joinable()) watch_.join();
  jobs_.stop();
  writer_.stop();
  readers_.stop();
  const std::unique_ptr<Engine> engine = gate_.take();
  gate_.leave_closed();
  if (engine != nullptr) engine->close().ignore();  // what was reported is safe without it
}

// Compaction that meets damage makes writes fail. Without it writing goes on until the damage is
// set aside.
Outcome Service::reopen(const Outcome& after, std::unique_ptr<Engine>& engine) {
  damaged_ = damaged_ || after.fault() == Fault::damaged;
  EngineOptions engine_options = options_.engine;
  engine_options.compaction = !damaged_;
  return open_engine(options_, engine_options, false, engine);
}

void Service::set_watermarks(const Watermarks& watermarks) {
  const std::lock_guard lock(mutex_);
  watermarks_ = watermarks;
}

void Service::look() {
  DiskSpace space;
  EngineStats stats;
  {
    const Gate::Visit engine(gate_, std::try_to_lock);
    if (!engine) return;  // the writer is at work on it
    stats = engine->stats();
  }
  const bool known = look_at_disk(options_.engine, space);
  space.used = stats.table_bytes + stats.memtable_bytes;

  std::unique_lock lock(mutex_);
  stats_ = stats;
  if (!known) return;
  space_ = space;
  const Watermarks marks = watermarks_;
  const std::uint32_t level = space_level(marks, space, level_);
  const bool changed = level != std::exchange(level_, level);
  lock.unlock();
  if (changed) {
    condition_.space(level, space_text(marks, space, options_.engine.directory));
  } else {
    condition_.tell_again();
  }
}

Service::Status Service::status() const {
  Status out{.engine = {},
             .space = {},
             .condition = condition_.state(),
             .writer = writer_.state(),
             .queries_waiting = readers_.waiting(),
             .jobs = jobs_.state()};
  const std::lock_guard lock(mutex_);
  out.engine = stats_;
  out.space = space_;
  return out;
}

std::uint64_t Service::last_ticket() {
  const Gate::Visit engine(gate_);
  return engine ? engine->last_ticket() : 0;
}

}  // namespace emqx_store
