// shard/1 and worker/1: getting onto another thread.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

std::uint32_t shard_count(const keel_host* host) { return Slot::of(host).runtime().shard_count(); }

std::uint32_t shard_current(const keel_host*) {
  const HostThread* const thread = HostThread::current();
  return thread && !thread->control() ? thread->index() : KEEL_SHARD_CONTROL;
}

std::uint32_t shard_home(const keel_host* host, keel_str client_id) {
  return Slot::of(host).runtime().realm().home(view(client_id));
}

keel_status shard_post(const keel_host* host, std::uint32_t shard, keel_task_fn fn, void* ctx) {
  Slot& slot = Slot::of(host);
  std::uint32_t thread = 0;
  if (const keel_status bad = pick_thread(slot, shard, ControlAllowed::yes, "shard.post", thread))
    return bad;
  return slot.post(thread, CallSite::post, fn, ctx);
}

// A job on the worker pool. However it ends, `done` is posted once.
class Job {
 public:
  Job(Slot& slot, keel_work_fn work, keel_task_fn done, void* ctx, std::uint32_t thread)
      : slot_(slot), work_(work), done_(done), ctx_(ctx), thread_(thread) {
    slot_.jobs_waiting.fetch_add(1);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() {
    if (done_) finish();  // the pool dropped it
  }

  void run() {
    // Counted as running before it is looked whether it may, so that the one who waits for the
    // running ones either sees it or has told it not to.
    slot_.jobs_running.fetch_add(1);
    if (slot_.accepting()) {
      call_plugin(slot_, CallSite::worker, [this] { work_(ctx_); });
    }
    finish();
    slot_.jobs_running.fetch_sub(1);
  }
  void forget() {
    done_ = nullptr;
    slot_.jobs_waiting.fetch_sub(1);
  }

 private:
  void finish() {
    slot_.post_done(thread_, std::exchange(done_, nullptr), ctx_);
    slot_.jobs_waiting.fetch_sub(1);
  }

  Slot& slot_;
  keel_work_fn work_;
  keel_task_fn done_;
  void* ctx_;
  std::uint32_t thread_;
};

keel_status worker_run(const keel_host* host, keel_work_fn work, keel_task_fn done, void* ctx,
                       std::uint32_t shard) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("worker.run");
  if (!work || !done) return fail(KEEL_E_INVAL, "worker.run: work and done are both needed");
  std::uint32_t thread = 0;
  if (const keel_status bad = pick_thread(slot, shard, ControlAllowed::yes, "worker.run", thread))
    return bad;
  if (slot.jobs_waiting.load() >= Slot::kMaxJobs)
    return fail(KEEL_E_LIMIT, fmt::format("worker.run: {} jobs wait already", Slot::kMaxJobs));
  auto job = std::make_shared<Job>(slot, work, done, ctx, thread);
  if (slot.runtime().workers().submit([job] { job->run(); })) return KEEL_OK;
  job->forget();
  return fail(KEEL_E_LIMIT, "worker.run: the worker threads have too much to do");
}

}  // namespace

const keel_ext_shard tables::shard = {.size = sizeof(keel_ext_shard),
                                      .reserved = 0,
                                      .count = shard_count,
                                      .current = shard_current,
                                      .home = shard_home,
                                      .post = shard_post};

const keel_ext_worker tables::worker = {
    .size = sizeof(keel_ext_worker), .reserved = 0, .run = worker_run};

}  // namespace keel::kernel
