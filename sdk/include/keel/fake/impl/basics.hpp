// What keel/fake/basics.hpp declares: the tables log, clock, shard, timer, fd, worker, state and
// services. See keel/fake/impl/fn.hpp.
#pragma once

#include "keel/fake/basics.hpp"
#include "keel/fake/impl/fn.hpp"

namespace keel::fake {

KEEL_FAKE_FN void Basics::advance(std::int64_t ms) {
  const std::int64_t until = now_ms() + ms;
  run();
  for (;;) {
    Timer* next = nullptr;
    for (Timer* timer : all<Timer>()) {
      if (timer->owner->phase != Phase::running || timer->parked) continue;
      if (timer->due_ms <= until && (!next || timer->due_ms < next->due_ms)) next = timer;
    }
    if (!next) break;
    if (next->due_ms > now_ms()) move_clock(next->due_ms - now_ms());
    fire(next->handle);
    run();
  }
  move_clock(until - now_ms());
}

KEEL_FAKE_FN void Basics::ready(int fd, std::uint32_t events) {
  for (Watch* watch : all<Watch>()) {
    const std::uint32_t seen = events & (watch->events | KEEL_FD_ERROR);
    if (watch->fd != fd || seen == 0) continue;
    on(watch->shard, [&] { watch->fn(watch->ctx, fd, seen); });
  }
  run();
}

KEEL_FAKE_FN void Basics::run_jobs(std::size_t most) {
  for (; most > 0 && !jobs_.empty(); --most) {
    const Job job = jobs_.front();
    jobs_.pop_front();
    job.work(job.ctx);
    queue(job.shard, [job] { job.done(job.ctx, 0); });
    run();
  }
}

KEEL_FAKE_FN void Basics::cancel_waiting() {
  cancelling_ = true;
  run();
  while (!jobs_.empty()) {
    const Job job = jobs_.front();
    jobs_.pop_front();
    job.done(job.ctx, 1);
  }
  run();
  cancelling_ = false;
}

KEEL_FAKE_FN const void* Basics::basic_table(std::string_view id) {
  if (id == KEEL_EXT_LOG) return &log_table();
  if (id == KEEL_EXT_CLOCK) return &clock_table();
  if (id == KEEL_EXT_CONFIG) return &config_table();
  if (id == KEEL_EXT_SHARD) return &shard_table();
  if (id == KEEL_EXT_TIMER) return &timer_table();
  if (id == KEEL_EXT_FD) return &fd_table();
  if (id == KEEL_EXT_WORKER) return &worker_table();
  if (id == KEEL_EXT_STATE) return &state_table();
  if (id == KEEL_EXT_SERVICES) return &services_table();
  return nullptr;
}

KEEL_FAKE_FN void Basics::fire(keel_handle handle) {
  Timer& timer = *find_any<Timer>(handle);
  const std::int64_t due = timer.due_ms;
  timer.due_ms = timer.period_ms ? due + timer.period_ms : INT64_MAX;
  on(timer.shard, [&] { timer.fn(timer.ctx); });
  Timer* const after = find_any<Timer>(handle);
  if (after && after->due_ms == INT64_MAX) drop(handle);
}

KEEL_FAKE_FN const keel_ext_log& Basics::log_table() {
  static const keel_ext_log table{sizeof table, 0,
                                  [](const keel_host* host, std::uint32_t level, keel_str line) {
                                    if (level >= of(host).log_level)
                                      of(host).add_line(level, std::string(view(line)));
                                  },
                                  [](const keel_host* host, std::uint32_t level) {
                                    return std::int32_t{level >= of(host).log_level};
                                  }};
  return table;
}

KEEL_FAKE_FN const keel_ext_clock& Basics::clock_table() {
  static const keel_ext_clock table{sizeof table, 0,
                                    [](const keel_host* host) { return of(host).now_ms(); },
                                    [](const keel_host* host) { return of(host).wall_ms; }};
  return table;
}

KEEL_FAKE_FN const keel_ext_shard& Basics::shard_table() {
  static const keel_ext_shard table{
      sizeof table,
      0,
      [](const keel_host* host) { return of(host).shard_count(); },
      [](const keel_host* host) { return of(host).current(); },
      [](const keel_host* host, keel_str client_id) {
        std::uint32_t sum = 0;
        for (const char c : view(client_id)) sum = sum * 31 + static_cast<unsigned char>(c);
        return sum % of(host).shard_count();
      },
      [](const keel_host* host, std::uint32_t shard, keel_task_fn fn, void* ctx) -> keel_status {
        Basics& self = of(host);
        if (const keel_status status = self.enter(instance(host), "shard.post", On::any)) {
          return status;
        }
        shard = self.pick_shard(shard);
        if (shard != KEEL_SHARD_CONTROL && !self.is_shard(shard)) {
          return self.fail(KEEL_E_INVAL, "shard.post: there is no such shard");
        }
        if (self.posts_ >= self.queue_limit) {
          return self.fail(KEEL_E_LIMIT, "shard.post: too many wait");
        }
        ++self.posts_;
        self.queue(shard, [&self, fn, ctx] {
          --self.posts_;
          fn(ctx, self.cancelling_ ? 1 : 0);
        });
        return KEEL_OK;
      }};
  return table;
}

KEEL_FAKE_FN const keel_ext_timer& Basics::timer_table() {
  static const keel_ext_timer table{
      sizeof table, 0,
      [](const keel_host* host, std::uint32_t shard, std::uint32_t first, std::uint32_t period,
         keel_timer_fn fn, void* ctx, keel_handle* out) -> keel_status {
        Basics& self = of(host);
        if (const auto status = self.enter(instance(host), "timer.start", On::any)) return status;
        shard = self.pick_shard(shard);
        if (!self.is_shard(shard)) return self.fail(KEEL_E_INVAL, "timer.start: no such shard");
        auto timer = std::make_unique<Timer>();
        timer->shard = shard;
        timer->first_ms = first;
        timer->period_ms = period;
        timer->due_ms = self.now_ms() + first;
        timer->fn = fn;
        timer->ctx = ctx;
        *out = self.add(instance(host), std::move(timer)).handle;
        return KEEL_OK;
      },
      [](const keel_host* host, keel_handle handle, std::uint32_t ms) -> keel_status {
        Timer* timer;
        Basics& self = of(host);
        if (const auto status =
                self.enter(instance(host), "timer.rearm", On::shard, handle, timer)) {
          return status;
        }
        timer->due_ms = self.now_ms() + ms;
        return KEEL_OK;
      },
      [](const keel_host* host, keel_handle handle) -> keel_status {
        Timer* timer;
        if (const auto status =
                of(host).enter_end(instance(host), "timer.cancel", On::any, handle, timer)) {
          return status;
        }
        of(host).drop(handle);
        return KEEL_OK;
      }};
  return table;
}

KEEL_FAKE_FN const keel_ext_fd& Basics::fd_table() {
  static const keel_ext_fd table{
      sizeof table, 0,
      [](const keel_host* host, std::uint32_t shard, std::int32_t fd, std::uint32_t events,
         keel_fd_fn fn, void* ctx, keel_handle* out) -> keel_status {
        Basics& self = of(host);
        if (const auto status = self.enter(instance(host), "fd.watch", On::any)) return status;
        for (const Watch* other : self.all<Watch>()) {
          if (other->fd == fd) return self.fail(KEEL_E_EXISTS, "fd.watch: it is watched");
        }
        auto watch = std::make_unique<Watch>();
        watch->shard = self.pick_shard(shard);
        watch->fd = fd;
        watch->events = events;
        watch->fn = fn;
        watch->ctx = ctx;
        *out = self.add(instance(host), std::move(watch)).handle;
        return KEEL_OK;
      },
      [](const keel_host* host, keel_handle handle, std::uint32_t events) -> keel_status {
        Watch* watch;
        const auto status = of(host).enter(instance(host), "fd.modify", On::shard, handle, watch);
        if (status == KEEL_OK) watch->events = events;
        return status;
      },
      [](const keel_host* host, keel_handle handle) -> keel_status {
        Watch* watch;
        const auto status =
            of(host).enter_end(instance(host), "fd.release", On::shard, handle, watch);
        if (status == KEEL_OK) of(host).drop(handle);
        return status;
      }};
  return table;
}

KEEL_FAKE_FN const keel_ext_worker& Basics::worker_table() {
  static const keel_ext_worker table{
      sizeof table, 0,
      [](const keel_host* host, keel_work_fn work, keel_task_fn done, void* ctx,
         std::uint32_t shard) -> keel_status {
        Basics& self = of(host);
        if (const auto status = self.enter(instance(host), "worker.run", On::any)) return status;
        if (self.jobs_.size() >= self.queue_limit) {
          return self.fail(KEEL_E_LIMIT, "worker.run: the queue is full");
        }
        self.jobs_.push_back({work, done, ctx, self.pick_shard(shard)});
        return KEEL_OK;
      }};
  return table;
}

KEEL_FAKE_FN const keel_ext_state& Basics::state_table() {
  static const keel_ext_state table{
      sizeof table, 0, [](const keel_host* host, keel_sink out) -> keel_status {
        if (const auto status = of(host).enter(instance(host), "state.dir", On::control)) {
          return status;
        }
        put(out, of(host).state_dir);
        return KEEL_OK;
      }};
  return table;
}

KEEL_FAKE_FN const keel_ext_services& Basics::services_table() {
  static const keel_ext_services table{
      sizeof table,
      0,
      [](const keel_host* host, const char* id, const void* what, keel_handle* out) -> keel_status {
        Basics& self = of(host);
        if (const auto status = self.enter(instance(host), "services.provide", On::control)) {
          return status;
        }
        if (self.offered(id)) return self.fail(KEEL_E_EXISTS, "services.provide: offered already");
        auto service = std::make_unique<Service>();
        service->id = id;
        service->table = what;
        *out = self.add(instance(host), std::move(service)).handle;
        return KEEL_OK;
      },
      [](const keel_host* host, const char* id, const void** out) -> keel_status {
        Basics& self = of(host);
        if (const auto status = self.enter(instance(host), "services.find", On::control)) {
          return status;
        }
        *out = self.offered(id);
        return *out ? KEEL_OK : self.fail(KEEL_E_NOENT, "services.find: nobody offers it");
      },
      [](const keel_host* host, const char*) -> keel_status {
        return of(host).enter(instance(host), "services.release", On::control);
      },
      [](const keel_host* host, keel_handle handle) -> keel_status {
        Service* service;
        const auto status =
            of(host).enter_end(instance(host), "services.withdraw", On::control, handle, service);
        if (status == KEEL_OK) of(host).drop(handle);
        return status;
      }};
  return table;
}

KEEL_FAKE_FN const void* Basics::offered(const std::string& id) {
  for (const Service* service : all<Service>()) {
    if (service->id == id) return service->table;
  }
  const auto found = services.find(id);
  return found == services.end() ? nullptr : found->second;
}

}  // namespace keel::fake
