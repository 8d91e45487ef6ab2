// The plugin that is the store: at most one. The broker depends on it, and is told through
// StoreUser when it comes, goes and is replaced.
#include <fmt/format.h>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/registry.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kNamed = 3;         // sessions that a refusal names
constexpr std::size_t kLongestName = 64;  // of what is shown of a client id

}  // namespace

// Whether the instance can be the store; it is not yet.
PluginOutcome Registry::make_store(Slot& slot) {
  auto port = PluginStorePort::find(slot);
  if (!port) return PluginOutcome::fail("bad_entry", port.error());
  slot.store = std::move(*port);
  return {};
}

// An instance that has not been started, perhaps in place of one that runs.
PluginOutcome Registry::check_store(const Slot& fresh, const Slot* replaced) const {
  if (fresh.store && store_ && store_ != replaced)
    return PluginOutcome::fail(
        "exists", fmt::format("the plugin '{0}' is the store, and there can be one only; `ctl "
                              "plugins unload {0}` first",
                              store_->name()));
  if (replaced && (fresh.store != nullptr) != (replaced == store_))
    return PluginOutcome::fail("other_kind",
                               "one of the two versions is a store and the other is not; unload "
                               "the one that runs and load the other");
  return {};
}

Result<void> Registry::open_store(Slot& slot) {
  if (!slot.store) return {};
  return slot.store->open();
}

void Registry::attach_store(Slot& slot, std::function<void(Result<void>)> done) {
  StoreUser* const user = runtime_.store_user();
  if (!user) return done(Error{"this broker has no use for a store"});
  if (auto open = open_store(slot); !open) return done(std::move(open));
  user->store_ready(*slot.store, [this, &slot, done = std::move(done)](Result<void> ready) {
    if (ready)
      store_ = &slot;
    else
      slot.store->set_aside();
    done(std::move(ready));
  });
}

// Why it cannot be unloaded; empty: it can.
std::string Registry::store_dependants(const Slot& slot) const {
  if (&slot != store_) return {};
  std::size_t count = 0;
  std::string names, buffer;
  const std::vector<std::string> some = runtime_.store_user()->dependants(kNamed, count);
  if (count == 0) return {};
  for (const std::string& name : some)
    names.append(names.empty() ? "" : ", ").append(printable(name, buffer, kLongestName));
  return fmt::format(
      "{} {} in it ({}{}); `ctl plugins unload {} --now` keeps them in memory only, where a "
      "restart "
      "loses them",
      count, count == 1 ? "session keeps its state" : "sessions keep their state", names,
      count > some.size() ? ", ..." : "", slot.name());
}

// Before it is drained: nothing is written to it any more once `then` is called.
void Registry::release_store(Slot& slot, bool stopping, Then then) {
  if (&slot != store_) return then();
  StoreUser& user = *runtime_.store_user();
  if (!stopping)
    return user.store_leaving([this, &slot, then = std::move(then)] {
      slot.store->set_aside();
      store_ = nullptr;
      then();
    });
  auto safe = std::make_shared<bool>(false);
  user.store_stopping([safe] { *safe = true; });
  poll(
      options_.stop_timeout, [safe] { return *safe; },
      [this, &slot, then = std::move(then)](bool came) {
        if (!came)
          KEEL_LOG(error,
                   "plugin={}: has not written everything within {} ms; what was not acknowledged "
                   "may be lost",
                   slot.name(), options_.stop_timeout.count());
        pause_store(slot);
        store_ = nullptr;
        then();
      });
}

// Before its stop() in an upgrade.
void Registry::pause_store(Slot& slot) {
  if (&slot != store_) return;
  slot.store->set_aside();
  runtime_.store_user()->store_paused();
}

// Its successor, or itself again, was opened.
void Registry::resume_store(Slot& slot) {
  if (!slot.store) return;
  store_ = &slot;
  runtime_.store_user()->store_back(*slot.store);
}

// Neither version could be started again. What waits for the disk goes on waiting, until somebody
// decides that memory will do.
void Registry::lose_store(const Slot& slot, const std::string& why) {
  if (&slot != store_) return;
  runtime_.realm().journal.set_condition(
      StoreCondition::failing,
      fmt::format("the plugin {0} does not run any more ({1}); `ctl plugins unload {0} --now` goes "
                  "on without it",
                  slot.name(), why));
}

}  // namespace keel::kernel
