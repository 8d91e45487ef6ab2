// The plugins: found, loaded, unloaded, upgraded. Everything is [control]; operations take turns,
// and each tells its outcome when it is done, which may be later: waiting never holds up the
// control thread for longer than a barrier.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/plugin/hook_chains.hpp"
#include "kernel/plugin/loaded_plugins.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {

enum class PluginState : std::uint8_t {
  available,  // a file that could be loaded
  refused,    // a file that could not
  starting,
  running,
  draining,
  quiescing,
  stuck,  // a thread did not come back from its code, which therefore stays mapped
  failed  // it could be neither upgraded nor started again
};
std::string_view plugin_state_name(PluginState state);

// How an operation ended. `word` is EMQ X's for errors ("not_found"), `text` cause and remedy, or
// what an operator should know about a success.
struct PluginOutcome {
  bool ok = true;
  std::string word, text;
  std::vector<std::string> notices;

  static PluginOutcome fail(std::string word, std::string text) {
    return {false, std::move(word), std::move(text), {}};
  }
};

struct PluginInfo {
  std::string name, version, summary, stamp, file;
  PluginState state = PluginState::available;
  std::string problem;  // refused: why; else the last error
  std::uint32_t generation = 0;
  std::int64_t running_since_s = 0;  // Unix time; 0: not running
  std::size_t hooks = 0;
  std::array<std::uint32_t, static_cast<std::size_t>(ObjectKind::count_)> handles{};
  std::uint64_t calls = 0, exceptions = 0, bytes_in = 0, bytes_out = 0;
  std::uint32_t jobs_waiting = 0, jobs_running = 0, posts_waiting = 0;
  bool active() const { return state == PluginState::running || state == PluginState::draining; }
};

// Tells whether a file is still the one that was loaded.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0;

  static FileStamp of(const std::string& file);  // all zero: there is none
  bool exists() const { return inode != 0; }
  bool operator==(const FileStamp&) const = default;
};

class Registry {
 public:
  struct Options {
    std::string plugin_dir;  // where the files are
    std::string etc_dir;     // where settings are: plugins/<name>.conf, <name>.conf
    std::string data_dir;    // run/, loaded_plugins, plugins/
    std::chrono::milliseconds stop_timeout{5000};
  };
  using Done = std::function<void(PluginOutcome)>;

  Registry(Runtime& runtime, Options options);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  // Loads what the settings name and what was loaded before the restart, in that order, but a store
  // before all others. One that fails is logged and does not stop the others. `done` when all were
  // tried.
  void boot(const std::vector<std::string>& always, std::function<void()> done);

  struct Load {
    bool remember = true;  // is loaded again after a restart
    bool boot = false;     // the broker starts
  };
  void load(const std::string& name, Load how, Done done);
  struct Unload {
    bool now = false;       // no time for goodbyes
    bool forget = true;     // is not loaded again after a restart
    bool stopping = false;  // the broker is
  };
  void unload(const std::string& name, Unload how, Done done);
  // Settings and binary are read again; one that does not run is loaded.
  void reload(const std::string& name, Done done);
  void upgrade(const std::string& name, const std::string& file, Done done);
  // Everything a load looks at before code runs: file, ABI, settings.
  PluginOutcome check(const std::string& file);
  // At the end of the program, last loaded first. `done` when all are gone or stuck.
  // The store is the very last.
  void stop_all(std::function<void()> done);
  // Nothing is loaded, and no thread may be in what was.
  bool idle() const { return entries_.empty() && !busy_ && !inhabited_; }

  // All files of the plugin directory and all that run, by name.
  std::vector<PluginInfo> list() const;
  std::vector<PluginInfo> loaded() const;  // without a look at the directory
  std::optional<PluginInfo> info(const std::string& name) const;
  Slot* running(const std::string& name) const;  // null: it does not run
  // Whether it is loaded at every start: named by `always`, or by ctl before.
  bool remembered(const std::string& name, const std::vector<std::string>& always) const;
  // The settings a plugin knows, from its file if it does not run.
  struct Described {
    std::string name, summary;
    std::shared_ptr<const Schema> schema;
  };
  Result<Described> describe(const std::string& name);
  HookChains& hooks() const { return runtime_.hooks(); }
  Runtime& runtime() const { return runtime_; }
  const Options& options() const { return options_; }
  std::uint64_t resident_total() const { return resident_; }

  // While a plugin authenticates clients: a line for each listener that admits those who present
  // nothing, with what stops that. `loaded`: only those that its having been loaded is about, all
  // if it is the one that authenticates, else its own.
  std::vector<std::string> anonymous_notices(const Slot* loaded = nullptr) const;

  // Every 100 ms: names a plugin that a shard has been inside of since the last time.
  void watch();

 private:
  struct Entry {
    std::unique_ptr<Slot> slot;
    std::string file;
    PluginState state = PluginState::starting;
    std::int64_t since_s = 0;
    FileStamp stamp;  // of `file` when it was loaded
  };
  struct Teardown;
  struct Upgrade;
  using Then = std::function<void()>;

  // registry.cpp
  struct Waiting {
    std::function<void(Done)> operation;
    Done done;
  };
  void enqueue(std::function<void(Done)> operation, Done done);
  void when_idle(std::function<void()> fn);  // after everything asked for so far
  void next();
  std::string file_of(const std::string& name) const;
  std::vector<Slot*> slots_in_order(const Slot* without = nullptr) const;
  Entry* find(const std::string& name);
  void remember(const std::string& name, bool loaded, PluginOutcome& outcome);
  PluginInfo info_of(const Entry& entry) const;
  static PluginInfo info_of(const std::filesystem::path& file);
  // `until` is asked every few milliseconds, at most for `timeout`; `then` is told whether it came
  // true.
  void poll(std::chrono::milliseconds timeout, std::function<bool()> until,
            std::function<void(bool)> then);

  // registry_load.cpp
  PluginOutcome open(const std::string& name, const std::string& file, std::unique_ptr<Slot>& out,
                     std::vector<std::string>& notices);
  PluginOutcome make_instance(Slot& slot);
  Result<LoadedPluginSettings> read_settings(const std::string& name,
                                             std::shared_ptr<const Schema> schema) const;
  PluginOutcome start(Slot& slot);
  static std::string failure_text(const Slot& slot, std::string_view step, keel_status status);
  void put_into_force(Slot& slot);
  void load_now(const std::string& name, Load how, Done done);
  void discard(std::unique_ptr<Slot> slot);
  void give_up(Slot& slot, PluginOutcome why, Done done);
  void loaded_now(Slot& slot, Load how, PluginOutcome outcome, Done done);

  // registry_anonymous.cpp
  bool authenticates(const Slot& slot) const;
  std::string anonymous_remedy(const ListenerStatus& listener) const;

  // registry_unload.cpp
  void unload_now(const std::string& name, Unload how, Done done);
  void drain(Slot& slot, std::uint32_t why, std::chrono::milliseconds timeout, Then then);
  void tear_down(std::shared_ptr<Teardown> job);
  void wait_for_jobs(std::shared_ptr<Teardown> job);
  void finish(std::shared_ptr<Teardown> job);
  void destroy(const std::shared_ptr<Teardown>& job);
  void get_stuck(std::shared_ptr<Teardown> job, const std::string& why);
  std::string unmap(std::unique_ptr<Slot> slot);
  std::string keep(std::unique_ptr<Slot> slot, const std::string& why);
  std::string keep_for_threads(std::unique_ptr<Slot> slot);

  // registry_store.cpp
  static PluginOutcome make_store(Slot& slot);
  PluginOutcome check_store(const Slot& fresh, const Slot* replaced) const;
  static Result<void> open_store(Slot& slot);
  void attach_store(Slot& slot, std::function<void(Result<void>)> done);
  std::string store_dependants(const Slot& slot) const;
  void release_store(Slot& slot, bool stopping, Then then);
  void pause_store(Slot& slot);
  void resume_store(Slot& slot);
  void lose_store(const Slot& slot, const std::string& why);

  // registry_upgrade.cpp
  void reload_now(const std::string& name, Done done);
  std::optional<PluginOutcome> apply_settings(Slot& slot, PluginValues values,
                                              std::vector<std::string> notices);
  void upgrade_now(const std::string& name, const std::string& file, bool from_elsewhere,
                   Done done);
  void hand_over(std::shared_ptr<Upgrade> job);
  void seal(std::shared_ptr<Upgrade> job);
  void switch_over(std::shared_ptr<Upgrade> job);
  void get_stuck(std::shared_ptr<Upgrade> job, const Runtime::Absent& absent);
  void roll_back(std::shared_ptr<Upgrade> job, PluginOutcome why);
  void bury(Upgrade& job, std::unique_ptr<Slot>& gone, std::size_t left);
  void take_back(std::shared_ptr<Upgrade> job, PluginOutcome why);

  Runtime& runtime_;
  const Options options_;
  std::vector<Entry> entries_;           // in load order
  std::optional<LoadedPlugins> loaded_;  // from boot() on
  std::deque<Waiting> waiting_;
  bool busy_ = false;
  Slot* store_ = nullptr;  // the plugin that is the store
  std::uint32_t next_generation_ = 1;
  std::uint64_t resident_ = 0;
  bool inhabited_ = false;                 // something still runs in code that stayed
  std::vector<std::uint64_t> seen_calls_;  // by shard, for watch()
  std::vector<std::uint32_t> slow_for_;
};

}  // namespace keel::kernel
