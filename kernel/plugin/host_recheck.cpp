#include "kernel/plugin/host_recheck.hpp"

#include "kernel/broker/broker.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kMost = 1000;  // under way per plugin

// One that is under way. Ends when every shard has been through, or with its plugin: the shards are
// told to stop then, and nothing waits for them.
class RecheckObject final : public HostObject {
 public:
  RecheckObject(Slot& slot, std::string client_id, keel_recheck_fn done, void* ctx)
      : HostObject(slot, ObjectKind::recheck, kControlThread),
        client_id_(std::move(client_id)),
        done_(done),
        ctx_(ctx) {}

  void begin() override {
    Runtime& runtime = slot().runtime();
    const bool one = !client_id_.empty();
    const std::uint32_t first = one ? runtime.realm().home(client_id_) : 0;
    shards_left_ = one ? 1 : runtime.shard_count();
    for (std::uint32_t shard = first; shard < first + shards_left_; ++shard) {
      HostThread& thread = runtime.thread(shard);
      thread.post([&runtime, &thread, progress = progress_, id = client_id_, me = handle()] {
        thread.broker().recheck(id, progress, [&runtime, me] {
          runtime.control().post([&runtime, me] { shard_done(runtime, me); });
        });
      });
    }
  }
  void revoke() override {
    progress_->cancelled.store(true, std::memory_order_relaxed);
    tell(1);
  }

 private:
  static void shard_done(Runtime& runtime, keel_handle handle) {
    auto* const me =
        static_cast<RecheckObject*>(runtime.handles().find(handle, ObjectKind::recheck));
    if (!me || --me->shards_left_ != 0) return;
    me->tell(0);
    me->slot().drop(*me);
  }
  void tell(std::int32_t cancelled) {
    if (!done_) return;
    call_plugin(slot(), CallSite::recheck, [&] {
      done_(ctx_, progress_->asked.load(std::memory_order_relaxed),
            progress_->removed.load(std::memory_order_relaxed), cancelled);
    });
  }

  const std::string client_id_;
  const keel_recheck_fn done_;
  void* const ctx_;
  const std::shared_ptr<Broker::RecheckProgress> progress_ =
      std::make_shared<Broker::RecheckProgress>();
  std::uint32_t shards_left_ = 0;
};

}  // namespace

void forget_decisions(const Runtime& runtime) {
  for (std::uint32_t i = 0; i < runtime.shard_count(); ++i) {
    HostThread& thread = runtime.thread(i);
    thread.post([&thread] { thread.broker().forget_decisions(); });
  }
}

keel_status auth_recheck(const keel_host* host, keel_str client_id, keel_recheck_fn done,
                         void* ctx) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("auth.recheck");
  if (slot.handles()[static_cast<std::size_t>(ObjectKind::recheck)] >= kMost)
    return fail(KEEL_E_LIMIT, fmt::format("auth.recheck: {} are under way already", kMost));
  forget_decisions(slot.runtime());  // at once; the walk begins on the control thread
  return slot.add(std::make_unique<RecheckObject>(slot, std::string(view(client_id)), done, ctx),
                  nullptr);
}

}  // namespace keel::kernel
