// fd/1.
#include <fcntl.h>
#include <sys/stat.h>

#include "kernel/base/log.hpp"
#include "kernel/net/fd_watch.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kAllEvents = KEEL_FD_READ | KEEL_FD_WRITE | KEEL_FD_ERROR;
static_assert(KEEL_FD_READ == FdWatch::kRead && KEEL_FD_WRITE == FdWatch::kWrite &&
              KEEL_FD_ERROR == FdWatch::kError);

class PluginWatch final : public HostObject {
 public:
  PluginWatch(Slot& slot, std::uint32_t shard, int fd, std::uint32_t events, keel_fd_fn fn,
              void* ctx)
      : HostObject(slot, ObjectKind::watch, shard), fd_(fd), events_(events), fn_(fn), ctx_(ctx) {}
  ~PluginWatch() override { forget(); }

  void begin() override {
    auto opened = FdWatch::open(
        slot().runtime().thread(thread()).shard(), fd_, wanted(), [this](std::uint32_t events) {
          call_plugin(slot(), CallSite::watch, [&] { fn_(ctx_, fd_, events); });
        });
    if (opened)
      watch_ = std::move(*opened);
    else
      KEEL_LOG(error, "plugin={}: fd.watch: {}; it must stay open until release()", slot().name(),
               opened.error());
  }
  void revoke() override {
    watch_.reset();
    forget();
  }
  void modify(std::uint32_t events) {
    events_ = events;
    if (watch_) watch_->set_events(wanted());
  }

 private:
  void forget() {
    if (std::exchange(noted_, false)) slot().watched.remove(thread(), fd_);
  }
  std::uint32_t wanted() const { return events_ & (KEEL_FD_READ | KEEL_FD_WRITE); }

  const int fd_;
  std::uint32_t events_;
  const keel_fd_fn fn_;
  void* const ctx_;
  bool noted_ = true;               // in the slot's set
  std::unique_ptr<FdWatch> watch_;  // null: the plugin does not run yet
};

keel_status check_events(const char* function, std::uint32_t events) {
  if ((events & ~kAllEvents) == 0) return KEEL_OK;
  return fail(KEEL_E_INVAL,
              fmt::format("{}: events {} are not made of READ, WRITE and ERROR", function, events));
}

// What epoll would refuse later, when nobody is there to be told.
keel_status check_descriptor(int fd) {
  struct stat about {};
  if (::fstat(fd, &about) != 0)
    return fail(KEEL_E_INVAL, fmt::format("fd.watch: {} is not open", fd));
  if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))
    return fail(KEEL_E_INVAL,
                fmt::format("fd.watch: {} is a file or a folder; those are always ready", fd));
  return KEEL_OK;
}

keel_status fd_watch(const keel_host* host, std::uint32_t shard, std::int32_t fd,
                     std::uint32_t events, keel_fd_fn fn, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("fd.watch");
  if (!fn || !out) return fail(KEEL_E_INVAL, "fd.watch: a function and a result are needed");
  if (const keel_status bad = check_events("fd.watch", events)) return bad;
  std::uint32_t thread = 0;
  if (const keel_status bad = pick_thread(slot, shard, ControlAllowed::no, "fd.watch", thread))
    return bad;
  if (const keel_status bad = check_descriptor(fd)) return bad;
  if (!slot.watched.add(thread, fd))
    return fail(KEEL_E_EXISTS,
                fmt::format("fd.watch: {} is watched on shard {} already", fd, thread));
  return slot.add(std::make_unique<PluginWatch>(slot, thread, fd, events, fn, ctx), out);
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
