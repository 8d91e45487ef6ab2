// fd/1.
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "kernel/net/shard.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kAllEvents = KEEL_FD_READ | KEEL_FD_WRITE | KEEL_FD_ERROR;

// In the shard's set of descriptors.
class Watch final : public Pollable {
 public:
  Watch(Poller& poller, int fd, std::uint32_t events, keel_fd_fn fn, void* ctx)
      : poller_(poller), fd_(fd), events_(events), fn_(fn), ctx_(ctx) {}

  // Reports nothing until begin(): one event at most, which is ignored. Nothing but a system call,
  // so that the caller learns of errors at once. [any]
  bool enter() { return entered_ = poller_.add(fd_, EPOLLONESHOT, *this); }
  bool entered() const { return entered_; }
  void begin(Slot& slot) {
    slot_ = &slot;
    modify(events_);
  }
  void leave() {
    if (std::exchange(entered_, false)) poller_.remove(fd_, *this);
  }
  void modify(std::uint32_t events) {
    events_ = events;
    if (!slot_) return;
    poller_.modify(fd_,
                   ((events & KEEL_FD_READ) ? EPOLLIN | EPOLLRDHUP : 0U) |
                       ((events & KEEL_FD_WRITE) ? EPOLLOUT : 0U),
                   *this);
  }

 private:
  // A hang-up is told to readers, too: they find the end of the stream.
  void on_events(std::uint32_t ready) override {
    if (!slot_) return;
    std::uint32_t events = 0;
    if (ready & (EPOLLIN | EPOLLRDHUP)) events |= KEEL_FD_READ;
    if (ready & EPOLLOUT) events |= KEEL_FD_WRITE;
    if (ready & EPOLLERR) events |= KEEL_FD_ERROR;
    if (ready & EPOLLHUP) events |= KEEL_FD_ERROR | (events_ & KEEL_FD_READ);
    call_plugin(*slot_, CallSite::watch, [&] { fn_(ctx_, fd_, events); });
  }

  Poller& poller_;
  const int fd_;
  std::uint32_t events_;
  const keel_fd_fn fn_;
  void* const ctx_;
  Slot* slot_ = nullptr;  // null: the plugin does not run yet
  bool entered_ = false;
};

class PluginWatch final : public HostObject {
 public:
  PluginWatch(Slot& slot, std::uint32_t shard, std::unique_ptr<Watch> watch)
      : HostObject(slot, ObjectKind::watch, shard),
        home_(slot.runtime().thread(shard)),
        watch_(std::move(watch)) {}
  ~PluginWatch() override {
    // Refused by the slot: the shard may be about to look at it.
    if (watch_->entered()) home_.post([watch = std::move(watch_)] { watch->leave(); });
  }

  void begin() override { watch_->begin(slot()); }
  void revoke() override { watch_->leave(); }
  void modify(std::uint32_t events) { watch_->modify(events); }

 private:
  HostThread& home_;
  std::unique_ptr<Watch> watch_;
};

keel_status check_events(const char* function, std::uint32_t events) {
  if ((events & ~kAllEvents) == 0) return KEEL_OK;
  return fail(KEEL_E_INVAL,
              fmt::format("{}: events {} are not made of READ, WRITE and ERROR", function, events));
}

keel_status refuse_fd(int fd, int error) {
  if (error == EEXIST)
    return fail(KEEL_E_EXISTS, fmt::format("fd.watch: {} is watched on this shard already", fd));
  if (error == EPERM)
    return fail(KEEL_E_INVAL,
                fmt::format("fd.watch: {} is a file or a folder; those are always ready", fd));
  return fail(error == EBADF ? KEEL_E_INVAL : KEEL_E_IO,
              fmt::format("fd.watch: {}: {}", fd, std::strerror(error)));
}

keel_status fd_watch(const keel_host* host, std::uint32_t shard, std::int32_t fd,
                     std::uint32_t events, keel_fd_fn fn, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("fd.watch");
  if (!fn || !out || fd < 0)
    return fail(KEEL_E_INVAL, "fd.watch: a descriptor, a function and a result are needed");
  if (const keel_status bad = check_events("fd.watch", events)) return bad;
  std::uint32_t thread = 0;
  if (const keel_status bad = pick_thread(slot, shard, ControlAllowed::no, "fd.watch", thread))
    return bad;
  auto watch =
      std::make_unique<Watch>(slot.runtime().shards().shard(thread).poller(), fd, events, fn, ctx);
  if (!watch->enter()) return refuse_fd(fd, errno);
  return slot.add(std::make_unique<PluginWatch>(slot, thread, std::move(watch)), out);
}

keel_status fd_modify(const keel_host* host, keel_handle handle, std::uint32_t events) {
  keel_status status = KEEL_OK;
  auto* const watch =
      Slot::of(host).find<PluginWatch>(handle, ObjectKind::watch, status, "fd.modify");
  if (!watch) return status;
  if (const keel_status bad = check_events("fd.modify", events)) return bad;
  watch->modify(events);
  return KEEL_OK;
}

keel_status fd_release(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  auto* const watch = slot.find<PluginWatch>(handle, ObjectKind::watch, status, "fd.release");
  if (!watch) return status;
  watch->revoke();
  slot.drop(*watch);
  return KEEL_OK;
}

}  // namespace

const keel_ext_fd tables::fd = {.size = sizeof(keel_ext_fd),
                                .reserved = 0,
                                .watch = fd_watch,
                                .modify = fd_modify,
                                .release = fd_release};

}  // namespace keel::kernel
