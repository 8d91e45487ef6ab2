// Loading: from a name to a running plugin.
#include <fmt/format.h>

#include <sys/stat.h>

#include <ctime>

#include "kernel/base/log.hpp"
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/entry_schema.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/registry.hpp"
#include "kernel/plugin/teardown.hpp"

namespace keel::kernel {

FileStamp FileStamp::of(const std::string& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size),
          std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

Result<LoadedPluginSettings> Registry::read_settings(const std::string& name,
                                                     std::shared_ptr<const Schema> schema) const {
  auto file = find_settings_file(options_.etc_dir, name);
  if (!file) return Error{file.error()};
  auto settings = load_plugin_settings(std::move(schema),
                                       {.file = file->path, .text = std::nullopt, .plugin = name});
  if (settings && !file->notice.empty())
    settings->notices.insert(settings->notices.begin(), file->notice);
  return settings;
}

// From a file to an instance that has not been started. Nothing is left behind on failure.
PluginOutcome Registry::open(const std::string& name, const std::string& file,
                             std::unique_ptr<Slot>& out, std::vector<std::string>& notices) {
  auto manifest = read_manifest(file, name);
  if (!manifest)
    return PluginOutcome::fail(std::string(refusal_name(manifest.code())), manifest.error());
  for (const std::string& needed : manifest->depends)
    if (!running(needed))
      return PluginOutcome::fail(
          "missing_dependency",
          fmt::format("it needs the plugin '{0}', which does not run; `ctl plugins load {0}` first",
                      needed));
  for (const std::string& warning : manifest->warnings) notices.push_back(warning);
  auto slot = std::make_unique<Slot>(runtime_, *manifest, next_generation_++);
  auto library = Library::load(file, options_.data_dir + "/run", name, slot->generation());
  if (!library) return PluginOutcome::fail("not_loadable", library.error());
  slot->library = std::move(*library);
  const auto refuse = [&](std::string word, std::string text) {
    unmap(std::move(slot));
    return PluginOutcome::fail(std::move(word), std::move(text));
  };
  slot->entry = slot->library.entry();
  if (auto sound = check_entry(slot->entry, *manifest); !sound)
    return refuse("bad_entry", sound.error());
  auto schema = schema_from_entry(slot->entry);
  if (!schema) return refuse("bad_entry", schema.error());
  auto settings = read_settings(name, *schema);
  if (!settings) return refuse("bad_settings", settings.error());
  for (const std::string& notice : settings->notices) notices.push_back(notice);
  slot->settings = std::move(settings->values);
  if (PluginOutcome made = make_instance(*slot); !made.ok)
    return refuse(std::move(made.word), std::move(made.text));
  out = std::move(slot);
  return {};
}

PluginOutcome Registry::make_instance(Slot& slot) {
  slot.plugin = {};
  slot.plugin.size = sizeof(keel_plugin);
  last_error_text().clear();
  const keel_status made = slot.threads.during([&] {
    return call_plugin(
        slot, CallSite::create, [&] { return slot.entry->create(slot.host(), &slot.plugin); },
        KEEL_E_EXCEPTION);
  });
  if (made != KEEL_OK)
    return PluginOutcome::fail("create_failed", failure_text(slot, "create", made));
  PluginOutcome outcome =
      slot.plugin.start && slot.plugin.stop && slot.plugin.destroy
          ? make_store(slot)
          : PluginOutcome::fail(
                "bad_entry", "its create() left start, stop or destroy empty; all must be there");
  if (!outcome.ok && slot.plugin.destroy)
    call_plugin(slot, CallSite::destroy, [&] { slot.plugin.destroy(slot.plugin.self); });
  return outcome;
}

// An instance that was not started.
void Registry::discard(std::unique_ptr<Slot> slot) {
  call_plugin(*slot, CallSite::destroy, [&] { slot->plugin.destroy(slot->plugin.self); });
  unmap(std::move(slot));
}

// What went wrong in the plugin's own words, where it has any.
std::string Registry::failure_text(const Slot& slot, std::string_view step, keel_status status) {
  std::string text = slot.last_error();
  if (text.empty()) text = last_error_text();
  if (text.empty()) text = "it gives no reason; see the log";
  return fmt::format("{}() of version {} answered {} ({}): {}", step, slot.manifest().version,
                     status, status_name(status), text);
}

PluginOutcome Registry::start(Slot& slot) {
  slot.set_accepting(true);
  last_error_text().clear();
  slot.note_error({});
  const keel_status started = slot.threads.during([&] {
    return call_plugin(
        slot, CallSite::start, [&] { return slot.plugin.start(slot.plugin.self); },
        KEEL_E_EXCEPTION);
  });
  if (started == KEEL_OK) {
    slot.started = true;
    return {};
  }
  return PluginOutcome::fail("start_failed", failure_text(slot, "start", started));
}

// Hooks first, so that nobody gets in through its sockets past them.
void Registry::put_into_force(Slot& slot) {
  runtime_.hooks().install(slots_in_order());
  runtime_.barrier([&slot](HostThread& thread) { slot.activate(thread); });
  slot.activate(runtime_.control_thread());
}

void Registry::load_now(const std::string& name, Load how, Done done) {
  if (!is_plugin_name(name))
    return done(PluginOutcome::fail(
        "bad_name", "a plugin's name is made of a-z, 0-9 and _, and begins with a letter"));
  if (const Entry* entry = find(name)) {
    if (entry->state == PluginState::stuck)
      return done(PluginOutcome::fail(
          "stuck", "its last unloading did not end; only a restart of the broker helps"));
    return done(PluginOutcome::fail("already_started", "it runs; see ctl plugins show " + name));
  }
  const std::string file = file_of(name);
  if (!FileStamp::of(file).exists())
    return done(PluginOutcome::fail(
        "not_found",
        fmt::format("no plugin '{}' in {}; see ctl plugins list", name, options_.plugin_dir)));
  std::unique_ptr<Slot> slot;
  std::vector<std::string> notices;
  PluginOutcome opened = open(name, file, slot, notices);
  if (opened.ok) {
    opened = check_store(*slot, nullptr);
    if (!opened.ok) discard(std::move(slot));
  }
  opened.notices = notices;
  if (!opened.ok) return done(std::move(opened));
  const FileStamp stamp = FileStamp::of(file);
  entries_.push_back({std::move(slot), file, PluginState::starting, 0, stamp});
  Slot& mine = *entries_.back().slot;
  PluginOutcome started = start(mine);
  started.notices = std::move(notices);
  if (!started.ok) return give_up(mine, std::move(started), std::move(done));
  put_into_force(mine);
  if (!mine.store) return loaded_now(mine, how, std::move(started), std::move(done));
  attach_store(mine, [this, &mine, how, started,
                      done = std::move(done)](const Result<void>& attached) mutable {
    if (attached) return loaded_now(mine, how, std::move(started), std::move(done));
    PluginOutcome failed = PluginOutcome::fail("store_failed", attached.error());
    failed.notices = std::move(started.notices);
    give_up(mine, std::move(failed), std::move(done));
  });
}

// It started, or tried to, and cannot stay.
void Registry::give_up(Slot& slot, PluginOutcome why, Done done) {
  KEEL_LOG(error, "plugin={}: not started: {}", slot.name(), why.text);
  auto job = std::make_shared<Teardown>(slot);
  job->done = [done = std::move(done), why = std::move(why)](const PluginOutcome& torn) mutable {
    if (!torn.ok) why.notices.push_back(torn.text);
    for (const std::string& notice : torn.notices) why.notices.push_back(notice);
    done(std::move(why));
  };
  tear_down(std::move(job));
}

void Registry::loaded_now(Slot& slot, Load how, PluginOutcome outcome, Done done) {
  const std::string& name = slot.name();
  Entry& entry = *find(name);
  entry.state = PluginState::running;
  entry.since_s = std::time(nullptr);
  if (how.remember) remember(name, true, outcome);
  KEEL_LOG(notice, "plugin={}: version {} loaded", name, slot.manifest().version);
  // At boot the broker's listeners are not open yet; the program asks when they are.
  for (const std::string& line : how.boot ? std::vector<std::string>() : anonymous_notices(&slot)) {
    KEEL_LOG(notice, "plugin={}: {}", name, line);
    outcome.text += (outcome.text.empty() ? "" : "\n") + line;
  }
  done(std::move(outcome));
}

PluginOutcome Registry::check(const std::string& file) {
  auto manifest = read_manifest(file);
  if (!manifest)
    return PluginOutcome::fail(std::string(refusal_name(manifest.code())), manifest.error());
  PluginOutcome outcome;
  outcome.text =
      fmt::format("{} version {}: {}", manifest->name, manifest->version, manifest->summary);
  outcome.notices = manifest->warnings;
  for (const std::string& needed : manifest->depends)
    if (!running(needed))
      outcome.notices.push_back(
          fmt::format("it needs the plugin '{}', which does not run", needed));
  return outcome;
}

// One that does not run is loaded for the length of the question, without being created.
Result<Registry::Described> Registry::describe(const std::string& name) {
  if (const Entry* entry = find(name))
    return Described{name, entry->slot->manifest().summary, entry->slot->settings.schema()};
  const std::string file = file_of(name);
  if (!is_plugin_name(name) || !FileStamp::of(file).exists())
    return Error{fmt::format("not_found: no plugin '{}' in {}; see ctl plugins list", name,
                             options_.plugin_dir)};
  auto manifest = read_manifest(file, name);
  if (!manifest)
    return Error{fmt::format("{}: {}", refusal_name(manifest.code()), manifest.error())};
  auto library = Library::load(file, options_.data_dir + "/run", name, next_generation_++);
  if (!library) return Error{"not_loadable: " + library.error()};
  if (auto sound = check_entry(library->entry(), *manifest); !sound)
    return Error{"bad_entry: " + sound.error()};
  auto schema = schema_from_entry(library->entry());
  if (!schema) return Error{"bad_entry: " + schema.error()};
  return Described{name, manifest->summary, *schema};
}

}  // namespace keel::kernel
