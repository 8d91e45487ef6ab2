#include "kernel/plugin/registry.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "kernel/base/clock.hpp"
#include "kernel/base/log.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
namespace {

constexpr std::int64_t kPollMs = 2;

}  // namespace

std::string_view plugin_state_name(PluginState state) {
  static constexpr std::string_view kNames[] = {"available", "refused",   "starting", "running",
                                                "draining",  "quiescing", "stuck",    "failed"};
  return kNames[static_cast<std::size_t>(state)];
}

Registry::Registry(Runtime& runtime, Options options)
    : runtime_(runtime),
      options_(std::move(options)),
      seen_calls_(runtime.shard_count()),
      slow_for_(runtime.shard_count()) {}

Registry::~Registry() {
  // What could not be unloaded keeps its memory: a thread may still be inside.
  for (Entry& entry : entries_) static_cast<void>(entry.slot.release());
}

// ---- operations take turns

void Registry::enqueue(std::function<void(Done)> operation, Done done) {
  waiting_.push_back({std::move(operation), std::move(done)});
  if (!busy_) next();
}

void Registry::next() {
  if (waiting_.empty()) return;
  busy_ = true;
  Waiting mine = std::move(waiting_.front());
  waiting_.pop_front();
  mine.operation([this, done = std::move(mine.done)](PluginOutcome outcome) {
    done(std::move(outcome));
    busy_ = false;
    runtime_.control().post([this] {
      if (!busy_) next();
    });
  });
}

void Registry::load(const std::string& name, Load how, Done done) {
  enqueue([this, name, how](Done end) { load_now(name, how, std::move(end)); }, std::move(done));
}

void Registry::unload(const std::string& name, Unload how, Done done) {
  enqueue([this, name, how](Done end) { unload_now(name, how, std::move(end)); }, std::move(done));
}

void Registry::reload(const std::string& name, Done done) {
  enqueue([this, name](Done end) { reload_now(name, std::move(end)); }, std::move(done));
}

void Registry::upgrade(const std::string& name, const std::string& file, Done done) {
  enqueue([this, name, file](Done end) { upgrade_now(name, file, true, std::move(end)); },
          std::move(done));
}

void Registry::when_idle(std::function<void()> fn) {
  enqueue([](const Done& end) { end({}); }, [fn = std::move(fn)](const PluginOutcome&) { fn(); });
}

void Registry::boot(const std::vector<std::string>& always, std::function<void()> done) {
  std::vector<std::string> names = always;
  if (auto read = LoadedPlugins::read(options_.data_dir + "/loaded_plugins"); !read) {
    KEEL_LOG(error, "plugins: {}; nothing of what was loaded before is loaded", read.error());
  } else {
    loaded_.emplace(std::move(*read));
    for (const std::string& problem : loaded_->problems())
      KEEL_LOG(warning, "plugins: {}", problem);
    for (const std::string& name : loaded_->names())
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  std::stable_partition(names.begin(), names.end(), [this](const std::string& name) {
    const auto manifest = read_manifest(file_of(name));
    return manifest && (manifest->flags & KEEL_INFO_STORE) != 0;
  });
  for (const std::string& name : names)
    load(name, {.remember = false, .boot = true}, [name](const PluginOutcome& outcome) {
      for (const std::string& notice : outcome.notices)
        KEEL_LOG(notice, "plugin={}: {}", name, notice);
      if (!outcome.ok)
        KEEL_LOG(error, "plugin={}: not loaded: {}: {}", name, outcome.word, outcome.text);
    });
  when_idle(std::move(done));
}

void Registry::stop_all(std::function<void()> done) {
  // What is being loaded right now is loaded first.
  when_idle([this, done = std::move(done)]() mutable {
    const auto stop = [this](const Slot& slot) {
      unload(slot.name(), {.now = false, .forget = false, .stopping = true},
             [](const PluginOutcome&) {});
    };
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry)
      if (entry->state == PluginState::running && entry->slot.get() != store_) stop(*entry->slot);
    if (store_ && running(store_->name())) stop(*store_);
    when_idle(std::move(done));
  });
}

void Registry::poll(std::chrono::milliseconds timeout, std::function<bool()> until,
                    std::function<void(bool)> then) {
  if (until()) return then(true);
  const std::int64_t deadline = monotonic_ms() + timeout.count();
  // Asks again later, with itself, until one or the other.
  struct Poll : std::enable_shared_from_this<Poll> {
    ControlPort& control;
    std::int64_t deadline;
    std::function<bool()> until;
    std::function<void(bool)> then;
    Poll(ControlPort& c, std::int64_t d, std::function<bool()> u, std::function<void(bool)> t)
        : control(c), deadline(d), until(std::move(u)), then(std::move(t)) {}
    void again() {
      control.after_ms(kPollMs, [self = shared_from_this()] {
        const bool came = self->until();
        if (came || monotonic_ms() >= self->deadline) return self->then(came);
        self->again();
      });
    }
  };
  if (timeout.count() <= 0) return then(false);
  std::make_shared<Poll>(runtime_.control(), deadline, std::move(until), std::move(then))->again();
}

// ---- what there is

std::string Registry::file_of(const std::string& name) const {
  return options_.plugin_dir + "/" + name + ".so";
}

std::vector<Slot*> Registry::slots_in_order(const Slot* without) const {
  std::vector<Slot*> slots;
  for (const Entry& entry : entries_)
    if (entry.slot && entry.slot.get() != without && entry.state != PluginState::stuck &&
        entry.state != PluginState::failed && entry.slot->started)
      slots.push_back(entry.slot.get());
  return slots;
}

Registry::Entry* Registry::find(const std::string& name) {
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& e) { return e.slot->name() == name; });
  return found != entries_.end() ? &*found : nullptr;
}

bool Registry::remembered(const std::string& name, const std::vector<std::string>& always) const {
  return std::find(always.begin(), always.end(), name) != always.end() ||
         (loaded_ && loaded_->contains(name));
}

Slot* Registry::running(const std::string& name) const {
  for (const Entry& entry : entries_)
    if (entry.slot->name() == name && entry.state == PluginState::running) return entry.slot.get();
  return nullptr;
}

void Registry::remember(const std::string& name, bool loaded, PluginOutcome& outcome) {
  if (!loaded_) return;  // it could not be read, so it is not overwritten
  if (auto written = loaded ? loaded_->add(name) : loaded_->remove(name); !written) {
    KEEL_LOG(error, "plugins: {}", written.error());
    outcome.notices.push_back(fmt::format("after a restart it will {}: {}",
                                          loaded ? "not be loaded" : "be loaded again",
                                          written.error()));
  }
}

PluginInfo Registry::info_of(const Entry& entry) const {
  const Slot& slot = *entry.slot;
  PluginInfo info;
  info.name = slot.name();
  info.version = slot.manifest().version;
  info.summary = slot.manifest().summary;
  info.stamp = slot.manifest().stamp;
  info.file = entry.file;
  info.state = entry.state;
  info.problem = slot.last_error();
  info.generation = slot.generation();
  info.running_since_s = entry.since_s;
  info.hooks = runtime_.hooks().count(slot);
  info.handles = slot.handles();
  for (std::size_t i = 0; i < kCallSites; ++i)
    info.calls += slot.calls(static_cast<CallSite>(i)).calls;
  info.exceptions = slot.exceptions();
  info.bytes_in = slot.bytes_in.load();
  info.bytes_out = slot.bytes_out.load();
  info.jobs_waiting = slot.jobs_waiting.load();
  info.jobs_running = slot.jobs_running.load();
  info.posts_waiting = slot.posts_waiting();
  return info;
}

// Of a file that is not loaded.
PluginInfo Registry::info_of(const std::filesystem::path& file) {
  PluginInfo info;
  info.name = file.stem();
  info.file = file;
  if (auto manifest = read_manifest(info.file)) {
    info.version = manifest->version;
    info.summary = manifest->summary;
    info.stamp = manifest->stamp;
  } else {
    info.state = PluginState::refused;
    info.problem = manifest.error();
  }
  return info;
}

std::vector<PluginInfo> Registry::list() const {
  std::map<std::string, PluginInfo> all;
  for (const Entry& entry : entries_) all[entry.slot->name()] = info_of(entry);
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(options_.plugin_dir, ignored))
    if (file.path().extension() == ".so" && !all.contains(file.path().stem()))
      all[file.path().stem()] = info_of(file.path());
  std::vector<PluginInfo> sorted;
  for (auto& [name, info] : all) sorted.push_back(std::move(info));
  return sorted;
}

std::vector<PluginInfo> Registry::loaded() const {
  std::vector<PluginInfo> all;
  for (const Entry& entry : entries_) all.push_back(info_of(entry));
  std::ranges::sort(all, {}, &PluginInfo::name);
  return all;
}

std::optional<PluginInfo> Registry::info(const std::string& name) const {
  for (const Entry& entry : entries_)
    if (entry.slot->name() == name) return info_of(entry);
  if (name.find('/') != std::string::npos || !FileStamp::of(file_of(name)).exists())
    return std::nullopt;
  return info_of(std::filesystem::path(file_of(name)));
}

void Registry::watch() {
  for (std::uint32_t i = 0; i < runtime_.shard_count(); ++i) {
    const HostThread& thread = runtime_.thread(i);
    const Slot* const slot = thread.inside.slot.load(std::memory_order_relaxed);
    const std::uint64_t calls = thread.inside.calls.load(std::memory_order_relaxed);
    if (!slot || calls != seen_calls_[i]) {
      seen_calls_[i] = calls;
      slow_for_[i] = 0;
      continue;
    }
    // Said once, then each time it has lasted ten times as long.
    const std::uint32_t looks = ++slow_for_[i];
    if (looks == 1 || looks == 10 || looks == 100 || looks % 1000 == 0)
      KEEL_LOG(error, "plugin={}: shard {} has been in its {} for {} ms; its clients wait",
               slot->name(), i, site_name(thread.inside.site.load(std::memory_order_relaxed)),
               looks * 100);
  }
}

}  // namespace keel::kernel
