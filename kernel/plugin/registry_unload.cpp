// Unloading: the eight steps from a running plugin to memory that is no longer mapped.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "keel/ext/plugin_drain.h"
#include "kernel/base/log.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/registry.hpp"
#include "kernel/plugin/services.hpp"
#include "kernel/plugin/teardown.hpp"

namespace keel::kernel {
namespace {

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all.append(all.empty() ? "" : ", ").append(word);
  return all;
}

std::string absent_text(const std::vector<Runtime::Absent>& absent) {
  std::string all;
  for (const auto& [shard, where] : absent)
    all += fmt::format("{}shard {} is in {}", all.empty() ? "" : ", ", shard, where);
  return all;
}

// Where a plugin says that it is drained; at any time until destroy() returned.
struct Drained {
  std::atomic<bool> called{false};
};

}  // namespace

void Registry::unload_now(const std::string& name, Unload how, Done done) {
  Entry* const entry = find(name);
  if (!entry) {
    const bool there = FileStamp::of(file_of(name)).exists();
    return done(PluginOutcome::fail(there ? "not_started" : "not_found",
                                    there
                                        ? fmt::format("'{}' does not run", name)
                                        : fmt::format("no plugin '{}' in {}; see ctl plugins list",
                                                      name, options_.plugin_dir)));
  }
  if (entry->state == PluginState::stuck)
    return done(PluginOutcome::fail(
        "stuck", "its last unloading did not end; only a restart of the broker helps"));
  Slot& slot = *entry->slot;
  if (const auto users = runtime_.services().users_of(slot); !users.empty())
    return done(PluginOutcome::fail(
        "in_use", fmt::format("its services are used by {}; unload those first", join(users))));
  for (const Entry& other : entries_)
    for (const std::string& needed : other.slot->manifest().depends)
      if (needed == name)
        return done(PluginOutcome::fail(
            "in_use", fmt::format("the plugin '{0}' needs it; `ctl plugins unload {0}` first",
                                  other.slot->name())));
  if (!how.now && !how.stopping)
    if (std::string users = store_dependants(slot); !users.empty())
      return done(PluginOutcome::fail("in_use", std::move(users)));
  entry->state = PluginState::draining;
  auto job = std::make_shared<Teardown>(slot);
  job->done = [this, name, how, begun = job->begun, done = std::move(done)](PluginOutcome outcome) {
    if (outcome.ok && how.forget) remember(name, false, outcome);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    if (outcome.ok)
      KEEL_LOG(notice, "plugin={}: unloaded, {}, in {:.1f} ms", name, outcome.text, took.count());
    done(std::move(outcome));
  };
  slot.stop_accepting();
  const auto wait = how.now ? std::chrono::milliseconds(0) : options_.stop_timeout;
  release_store(slot, how.stopping, [this, job, how, wait] {
    drain(job->slot, how.stopping ? KEEL_DRAIN_STOP : KEEL_DRAIN_UNLOAD, wait,
          [this, job] { tear_down(job); });
  });
}

// Step 1. A plugin that does not say when it is ready is not waited for longer than `timeout`.
void Registry::drain(Slot& slot, std::uint32_t why, std::chrono::milliseconds timeout, Then then) {
  const auto* const table =
      static_cast<const keel_ext_plugin_drain*>(slot.extension(KEEL_EXT_PLUGIN_DRAIN));
  if (!table || table->size < sizeof *table || !table->drain || timeout.count() <= 0) return then();
  auto drained = std::make_shared<Drained>();
  slot.kept.push_back(drained);
  const bool asked = call_plugin(
      slot, CallSite::drain,
      [&] {
        table->drain(
            slot.plugin.self, why, static_cast<std::uint32_t>(timeout.count()),
            [](void* ctx) { static_cast<Drained*>(ctx)->called.store(true); }, drained.get());
        return true;
      },
      false);
  if (!asked) return then();  // it threw
  poll(
      timeout, [drained] { return drained->called.load(); },
      [this, &slot, then = std::move(then)](bool came) {
        if (!came)
          KEEL_LOG(warning, "plugin={}: not drained within {} ms, going on without", slot.name(),
                   options_.stop_timeout.count());
        then();
      });
}

// Steps 2 to 4.
void Registry::tear_down(std::shared_ptr<Teardown> job) {
  Slot& slot = job->slot;
  if (Entry* entry = find(slot.name())) entry->state = PluginState::quiescing;
  slot.set_accepting(false);
  if (auto absent = runtime_.hooks().install(slots_in_order(&slot)); !absent.empty())
    return get_stuck(job, absent_text(absent));
  HookChains& hooks = runtime_.hooks();
  auto absent = runtime_.barrier([&slot, &hooks](HostThread& thread) {
    hooks.refuse_questions(thread, slot);
    slot.revoke(thread);
  });
  if (!absent.empty()) return get_stuck(job, absent_text(absent));
  slot.revoke(runtime_.control_thread());
  runtime_.commits().flush(slot);  // they run as cancelled
  wait_for_jobs(std::move(job));
}

// Step 5.
void Registry::wait_for_jobs(std::shared_ptr<Teardown> job) {
  Slot& slot = job->slot;
  poll(
      options_.stop_timeout,
      [&slot] { return slot.jobs_running.load() == 0 && slot.jobs_waiting.load() == 0; },
      [this, job](bool came) {
        if (came) return finish(job);
        get_stuck(job, fmt::format("{} of its jobs still run on worker threads",
                                   job->slot.jobs_running.load()));
      });
}

// Steps 6 to 8.
void Registry::finish(std::shared_ptr<Teardown> job) {
  Slot& slot = job->slot;
  if (slot.started) call_plugin(slot, CallSite::stop, [&] { slot.plugin.stop(slot.plugin.self); });
  slot.started = false;
  if (slot.store) slot.store->forget_batches();
  // What its own threads posted meanwhile runs as cancelled, on the shards and here.
  if (auto absent = runtime_.barrier([](HostThread&) {}); !absent.empty())
    return get_stuck(job, absent_text(absent));
  poll(
      options_.stop_timeout, [&slot] { return slot.quiet() && slot.threads.ended(); },
      [this, job, &slot](bool) {
        if (slot.quiet()) return runtime_.control().post([this, job] { destroy(job); });
        get_stuck(job, "what it posted does not come to an end");
      });
}

// A thread of its own that still runs needs its objects and its code.
void Registry::destroy(const std::shared_ptr<Teardown>& job) {
  Slot& mine = job->slot;
  const bool ended = mine.threads.ended_in_a_moment();
  if (ended) call_plugin(mine, CallSite::destroy, [&] { mine.plugin.destroy(mine.plugin.self); });
  runtime_.services().forget_user(mine);
  const auto entry =
      std::ranges::find_if(entries_, [&](const Entry& e) { return e.slot.get() == &mine; });
  std::unique_ptr<Slot> owned = std::move(entry->slot);
  entries_.erase(entry);
  PluginOutcome outcome;
  outcome.text = ended ? unmap(std::move(owned)) : keep_for_threads(std::move(owned));
  job->done(std::move(outcome));
}

// The proof. Answers "unmapped", or "resident (why)".
std::string Registry::unmap(std::unique_ptr<Slot> slot) {
  if (!slot->threads.ended_in_a_moment()) return keep_for_threads(std::move(slot));
  const std::string name = slot->name();
  Library library = std::move(slot->library);
  slot.reset();
  const Unmapped gone = library.unload();
  if (gone.unmapped) return "unmapped";
  ++resident_;
  KEEL_LOG(warning, "plugin={}: its code stays in memory: {}", name, gone.reason);
  return fmt::format("resident ({})", gone.reason);
}

// Something of the plugin still runs: nothing of it is freed, nor unmapped. Answers "resident
// (why)".
std::string Registry::keep(std::unique_ptr<Slot> slot, const std::string& why) {
  ++resident_;
  inhabited_ = true;
  KEEL_LOG(warning, "plugin={}: its code stays in memory: {}", slot->name(), why);
  static_cast<void>(slot.release());
  return fmt::format("resident ({})", why);
}

std::string Registry::keep_for_threads(std::unique_ptr<Slot> slot) {
  const std::string why = slot->threads.text() + ": join your threads in stop()";
  return keep(std::move(slot), why);
}

// Something of the plugin did not come back. Nothing is freed: a thread may still be inside.
void Registry::get_stuck(std::shared_ptr<Teardown> job, const std::string& why) {
  Entry* const entry = find(job->slot.name());
  entry->state = PluginState::stuck;
  job->slot.note_error("stuck: " + why);
  KEEL_LOG(error, "plugin={}: stuck while being unloaded: {}; its code stays in memory",
           job->slot.name(), why);
  job->done(PluginOutcome::fail(
      "stuck",
      fmt::format("{}; its code stays in memory, and only a restart of the broker gets rid "
                  "of it",
                  why)));
}

}  // namespace keel::kernel
