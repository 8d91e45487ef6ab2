// Reloading and upgrading in place: the next version takes over what the running one holds, or,
// when anything fails, the running one takes it back.
#include <fmt/format.h>

#include <ctime>

#include "keel/ext/plugin_drain.h"
#include "keel/ext/plugin_settings.h"
#include "keel/ext/plugin_state.h"
#include "kernel/base/log.hpp"
#include "kernel/config/plugin_report.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/entry_schema.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/parking.hpp"
#include "kernel/plugin/registry.hpp"
#include "kernel/plugin/services.hpp"

namespace keel::kernel {

struct Registry::Upgrade {
  explicit Upgrade(Slot& running) : old(running) {}

  Slot& old;
  std::unique_ptr<Slot> fresh;
  std::string file;
  bool from_elsewhere = false;
  std::optional<Parking> parking;
  std::string blob;
  std::uint32_t schema = 0;
  bool has_blob = false;
  std::vector<std::string> notices;
  Done done;
};

namespace {

const keel_ext_plugin_state* state_table(const Slot& slot) {
  const auto* table =
      static_cast<const keel_ext_plugin_state*>(slot.extension(KEEL_EXT_PLUGIN_STATE));
  return table && table->size >= sizeof *table && table->save && table->load ? table : nullptr;
}

constexpr std::chrono::milliseconds kRest{500};
constexpr std::size_t kLargestBlob = std::size_t{1} << 30;

struct BlobWriter {
  std::string& out;
  bool too_large = false;
  static void write(void* ctx, keel_str piece) {
    auto& self = *static_cast<BlobWriter*>(ctx);
    if (self.out.size() + piece.size > kLargestBlob)
      self.too_large = true;
    else
      self.out.append(view(piece));
  }
};

}  // namespace

void Registry::reload_now(const std::string& name, Done done) {
  Entry* const entry = find(name);
  if (!entry) return load_now(name, {}, std::move(done));
  if (entry->state != PluginState::running)
    return done(PluginOutcome::fail("stuck", "only a restart of the broker helps"));
  Slot& slot = *entry->slot;
  const std::string file = file_of(name);
  const FileStamp stamp = FileStamp::of(file);
  if (stamp.exists() && entry->file == file && stamp != entry->stamp)
    return upgrade_now(name, file, false, std::move(done));
  auto settings = read_settings(name, slot.settings.schema());
  if (!settings) return done(PluginOutcome::fail("bad_settings", settings.error()));
  if (auto applied =
          apply_settings(slot, std::move(settings->values), std::move(settings->notices)))
    return done(std::move(*applied));
  if (!FileStamp::of(file).exists())
    return done(PluginOutcome::fail(
        "not_found", fmt::format("'{}' is gone; put it back, or use ctl plugins upgrade", file)));
  upgrade_now(name, file, false, std::move(done));
}

// Nothing: the plugin cannot take these while it runs.
std::optional<PluginOutcome> Registry::apply_settings(Slot& slot, PluginValues values,
                                                      std::vector<std::string> notices) {
  const auto* const table =
      static_cast<const keel_ext_plugin_settings*>(slot.extension(KEEL_EXT_PLUGIN_SETTINGS));
  if (!table || table->size < sizeof *table || !table->apply) return std::nullopt;
  const std::vector<PluginSettingChange> changed = diff_plugin_settings(slot.settings, values);
  std::vector<keel_str> keys;
  for (const PluginSettingChange& change : changed) {
    if (!change.reloadable) return std::nullopt;
    keys.push_back(str(change.key));
  }
  std::swap(slot.settings, values);
  last_error_text().clear();
  slot.note_error({});
  const keel_status applied = slot.threads.during([&] {
    return call_plugin(
        slot, CallSite::settings,
        [&] {
          return table->apply(slot.plugin.self, keys.data(),
                              static_cast<std::uint32_t>(keys.size()));
        },
        KEEL_E_EXCEPTION);
  });
  if (applied != KEEL_OK) {
    std::swap(slot.settings, values);
    auto failed = PluginOutcome::fail(
        "bad_settings", failure_text(slot, "apply", applied) + "; the old settings hold");
    failed.notices = std::move(notices);
    return failed;
  }
  PluginOutcome outcome;
  outcome.text = fmt::format("{} settings changed", changed.size());
  outcome.notices = std::move(notices);
  KEEL_LOG(notice, "plugin={}: reloaded, {} settings changed", slot.name(), changed.size());
  return outcome;
}

void Registry::upgrade_now(const std::string& name, const std::string& file, bool from_elsewhere,
                           Done done) {
  Entry* const entry = find(name);
  if (!entry || entry->state != PluginState::running)
    return done(PluginOutcome::fail(
        entry ? "stuck" : "not_started",
        entry ? "only a restart of the broker helps"
              : fmt::format("'{0}' does not run; `ctl plugins load {0}` loads it", name)));
  if (!FileStamp::of(file).exists())
    return done(PluginOutcome::fail("not_found", fmt::format("there is no file '{}'", file)));
  if (const auto users = runtime_.services().users_of(*entry->slot); !users.empty())
    return done(PluginOutcome::fail(
        "in_use", fmt::format("its services are used by {}; unload that first", users.front())));
  auto job = std::make_shared<Upgrade>(*entry->slot);
  job->file = file;
  job->from_elsewhere = from_elsewhere;
  PluginOutcome opened = open(name, file, job->fresh, job->notices);
  if (opened.ok) {
    opened = check_store(*job->fresh, entry->slot.get());
    if (!opened.ok) discard(std::move(job->fresh));
  }
  if (!opened.ok) {
    opened.text += "; the running version goes on";
    opened.notices = std::move(job->notices);
    return done(std::move(opened));
  }
  job->done = std::move(done);
  drain(job->old, KEEL_DRAIN_UPGRADE, options_.stop_timeout, [this, job] { hand_over(job); });
}

// The old version falls silent; what it holds is parked. Until everything has come to rest it may
// still call the kernel: a datagram that it was handed is not lost because it cannot answer.
void Registry::hand_over(std::shared_ptr<Upgrade> job) {
  Slot& old = job->old;
  auto absent = runtime_.hooks().hold(slots_in_order(), old);
  job->parking.emplace(runtime_);
  if (absent.empty()) {
    Parking& parking = *job->parking;
    absent = runtime_.barrier(
        [&old, &parking](HostThread& thread) { old.park(thread, parking.list(thread.index())); });
  }
  if (!absent.empty()) return get_stuck(job, absent.front());
  old.park(runtime_.control_thread(), job->parking->list(kControlThread));
  // What is on its way between its threads ends by itself, unless it never ends.
  poll(
      std::min(options_.stop_timeout, kRest), [&old] { return old.quiet(); },
      [this, job](bool) { seal(job); });
}

void Registry::seal(std::shared_ptr<Upgrade> job) {
  Slot& old = job->old;
  old.set_accepting(false);
  Parking& parking = *job->parking;
  const auto absent = runtime_.barrier(
      [&old, &parking](HostThread& thread) { old.seal(thread, parking.list(thread.index())); });
  if (!absent.empty()) return get_stuck(job, absent.front());
  old.seal(runtime_.control_thread(), parking.list(kControlThread));
  runtime_.commits().flush(old);
  poll(
      options_.stop_timeout, [&old] { return old.quiet(); },
      [this, job](bool came) {
        pause_store(job->old);
        call_plugin(job->old, CallSite::stop, [&] { job->old.plugin.stop(job->old.plugin.self); });
        job->old.started = false;
        if (job->old.store) job->old.store->forget_batches();
        runtime_.barrier([](HostThread&) {});
        runtime_.control().post([this, job, came] {
          if (came) return switch_over(job);
          roll_back(job, PluginOutcome::fail("busy", "its jobs on worker threads did not end"));
        });
      });
}

// A shard is inside something that does not end. The old version may not be torn from under it.
void Registry::get_stuck(std::shared_ptr<Upgrade> job, const Runtime::Absent& absent) {
  Slot& old = job->old;
  find(old.name())->state = PluginState::stuck;
  const std::string where = fmt::format("shard {} is in {}", absent.shard, absent.where);
  old.note_error("stuck: " + where);
  KEEL_LOG(error, "plugin={}: stuck while being upgraded: {}", old.name(), where);
  discard(std::move(job->fresh));
  static_cast<void>(new std::shared_ptr<Upgrade>(job));  // what is parked stays where it is
  job->done(PluginOutcome::fail("stuck", where + "; only a restart of the broker helps"));
}

void Registry::switch_over(std::shared_ptr<Upgrade> job) {
  Slot& old = job->old;
  if (const auto* state = state_table(old)) {
    job->schema = state->schema;
    BlobWriter writer{job->blob};
    const keel_status saved = call_plugin(
        old, CallSite::save,
        [&] {
          return state->save(old.plugin.self, {&writer, BlobWriter::write});
        },
        KEEL_E_EXCEPTION);
    if (saved != KEEL_OK || writer.too_large)
      return roll_back(
          job,
          PluginOutcome::fail("save_failed", writer.too_large ? "its state is larger than 1 GiB"
                                                              : failure_text(old, "save", saved)));
    job->has_blob = true;
  }
  Slot& fresh = *job->fresh;
  last_error_text().clear();
  if (const auto* state = job->has_blob ? state_table(fresh) : nullptr) {
    const keel_status taken = call_plugin(
        fresh, CallSite::load,
        [&] { return state->load(fresh.plugin.self, job->schema, str(job->blob)); },
        KEEL_E_EXCEPTION);
    if (taken != KEEL_OK)
      return roll_back(job,
                       PluginOutcome::fail("state_refused", failure_text(fresh, "load", taken)));
  }
  Entry& entry = *find(old.name());
  PluginOutcome started = start(fresh);
  if (!started.ok) return roll_back(job, std::move(started));
  if (auto open = open_store(fresh); !open)
    return roll_back(job, PluginOutcome::fail("store_failed", open.error()));

  // The point of no return.
  std::unique_ptr<Slot> leaving = std::exchange(entry.slot, std::move(job->fresh));
  entry.file = job->file;
  entry.stamp = FileStamp::of(job->file);
  entry.since_s = std::time(nullptr);
  put_into_force(*entry.slot);
  resume_store(*entry.slot);
  runtime_.barrier([this](HostThread& thread) { runtime_.hooks().ask_again(thread); });
  const std::size_t left = job->parking->size();
  job->parking->revoke_rest();
  job->parking.reset();
  runtime_.services().forget_user(*leaving);
  const auto gone = std::make_shared<std::unique_ptr<Slot>>(std::move(leaving));
  poll(
      options_.stop_timeout, [gone] { return (*gone)->quiet() && (*gone)->threads.ended(); },
      [this, job, gone, left](bool) {
        runtime_.control().post([this, job, gone, left] { bury(*job, *gone, left); });
      });
}

// The version that was replaced goes.
void Registry::bury(Upgrade& job, std::unique_ptr<Slot>& gone, std::size_t left) {
  const std::string name = gone->name(), from = gone->manifest().version;
  std::string end;
  if (!gone->quiet()) {
    end = keep(std::move(gone), "what it posted does not come to an end");
  } else if (!gone->threads.ended_in_a_moment()) {
    end = keep_for_threads(std::move(gone));
  } else {
    call_plugin(*gone, CallSite::destroy, [&] { gone->plugin.destroy(gone->plugin.self); });
    end = unmap(std::move(gone));
  }
  PluginOutcome outcome;
  outcome.text = fmt::format("version {} -> {}, old version {}", from,
                             find(name)->slot->manifest().version, end);
  outcome.notices = std::move(job.notices);
  if (left != 0)
    outcome.notices.push_back(fmt::format(
        "{} sockets, connections or sessions were not taken over and are closed", left));
  if (job.from_elsewhere)
    outcome.notices.push_back(
        fmt::format("a restart loads the file in {} again; copy the new one there to keep it",
                    options_.plugin_dir));
  KEEL_LOG(notice, "plugin={}: upgraded, {}", name, outcome.text);
  job.done(std::move(outcome));
}

// The new version goes, whatever it got to; the old one starts again with what was parked.
void Registry::roll_back(std::shared_ptr<Upgrade> job, PluginOutcome why) {
  Slot& fresh = *job->fresh;
  Parking& parking = *job->parking;
  fresh.set_accepting(false);
  runtime_.barrier([&fresh, &parking](HostThread& thread) {
    fresh.unadopt(thread, parking.list(thread.index()));
  });
  fresh.unadopt(runtime_.control_thread(), parking.list(kControlThread));
  runtime_.commits().flush(fresh);
  poll(
      options_.stop_timeout, [&fresh] { return fresh.quiet(); },
      [this, job, why = std::move(why)](bool came) mutable {
        Slot& mine = *job->fresh;
        if (mine.started)
          call_plugin(mine, CallSite::stop, [&] { mine.plugin.stop(mine.plugin.self); });
        runtime_.barrier([](HostThread&) {});
        runtime_.services().forget_user(mine);
        if (!came || !mine.threads.ended_in_a_moment()) {
          const std::string cause = came ? mine.threads.text() : "its jobs still run";
          why.notices.push_back("the new version stays in memory: " + cause);
          keep(std::move(job->fresh), cause);
        } else {
          call_plugin(mine, CallSite::destroy, [&] { mine.plugin.destroy(mine.plugin.self); });
          runtime_.control().post([this, job] { unmap(std::move(job->fresh)); });
        }
        take_back(job, std::move(why));
      });
}

void Registry::take_back(std::shared_ptr<Upgrade> job, PluginOutcome why) {
  Slot& old = job->old;
  Entry& entry = *find(old.name());
  old.reopen();
  keel_status taken = KEEL_OK;
  if (const auto* state = job->has_blob ? state_table(old) : nullptr)
    taken = call_plugin(
        old, CallSite::load,
        [&] { return state->load(old.plugin.self, job->schema, str(job->blob)); },
        KEEL_E_EXCEPTION);
  PluginOutcome again =
      taken == KEEL_OK ? start(old)
                       : PluginOutcome::fail("state_refused", failure_text(old, "load", taken));
  if (again.ok)
    if (auto open = open_store(old); !open)
      again = PluginOutcome::fail("store_failed", open.error());
  if (again.ok) {
    put_into_force(old);
    resume_store(old);
    runtime_.barrier([this](HostThread& thread) { runtime_.hooks().ask_again(thread); });
    why.text += "; the running version goes on";
  } else {
    // Neither version runs: what is left of the old one ends.
    old.set_accepting(false);
    entry.state = PluginState::failed;
    runtime_.hooks().install(slots_in_order(&old));
    runtime_.barrier([this, &old](HostThread& thread) {
      runtime_.hooks().refuse_questions(thread, old);
      runtime_.hooks().ask_again(thread);
      old.revoke(thread);
    });
    old.revoke(runtime_.control_thread());
    lose_store(old, again.text);
    why.text += "; and the old version could not be started again: " + again.text;
    KEEL_LOG(error, "plugin={}: {}", old.name(), why.text);
  }
  job->parking->revoke_rest();
  job->parking.reset();
  why.notices = std::move(job->notices);
  KEEL_LOG(warning, "plugin={}: upgrade failed: {}: {}", old.name(), why.word, why.text);
  job->done(std::move(why));
}

}  // namespace keel::kernel
