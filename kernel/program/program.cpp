#include "kernel/program/program.hpp"

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "kernel/base/log.hpp"
#include "kernel/program/preflight.hpp"
#include "kernel/program/service_manager.hpp"

namespace keel::kernel {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTick{100};
constexpr milliseconds kSample{1000};
constexpr milliseconds kDrainPoll{20};
constexpr int kDrainPolls = 250;  // 5 s for the last bytes of all connections

// Every connection is a descriptor: as many as the system grants.
void raise_descriptor_limit(std::uint32_t connections) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < connections)
    KEEL_LOG(notice,
             "this process may open {} files, fewer than limits.max_connections = {} would need; "
             "raise it with ulimit -n or LimitNOFILE",
             limit.rlim_cur, connections);
}

}  // namespace

Program::Program(SettingsSources sources, std::shared_ptr<const Settings> settings)
    : sources_(std::move(sources)),
      node_name_(settings->kernel.node_name),
      started_unix_s_(std::time(nullptr)),
      server_(settings),
      durable_(
          server_.realm(), [this](Task task) { loop_.post(std::move(task)); },
          [this](std::int64_t delay_ms, std::function<void()> fn) {
            loop_.after(milliseconds(delay_ms), std::move(fn));
          }),
      admin_(server_.realm(), *this) {}

Program::~Program() {
  admin_.stop();
  plugins_.reset();
  data_dir_.reset();
}

std::string_view Program::version() const { return KEEL_VERSION; }

Result<void> Program::start() {
  const auto settings = server_.realm().settings();
  raise_descriptor_limit(settings->limits.max_connections);
  // Before the first client can connect: from then on the end is an orderly one.
  loop_.on_signal({SIGTERM, SIGINT}, [this](int) { stop(); });
  loop_.on_signal({SIGHUP}, [this](int) { on_hangup(); });
  if (auto fit = preflight(*settings); !fit) return fit;
  auto data_dir = DataDir::open(settings->kernel.data_dir);
  if (!data_dir) return Error{data_dir.error()};
  data_dir_.emplace(std::move(*data_dir));
  server_.start();
  if (auto bans =
          server_.realm().bans.open(settings->kernel.data_dir + "/banned", std::time(nullptr));
      !bans)
    return bans;
  plugins_ = std::make_unique<Plugins>(server_, durable_, loop_, admin_, *settings);
  if (auto ready = plugins_->start(); !ready) return ready;
  if (auto ctl = admin_.start_ctl(settings->kernel.data_dir); !ctl) return ctl;
  if (!settings->http.bind.empty()) {
    auto http = admin_.start_http(loop_.context(), settings->http.bind);
    if (!http) return Error{http.error()};
    KEEL_LOG(notice, "http: listening on port {} of the loopback address", *http);
  }
  load_plugins(*settings);
  if (draining_) return {};
  if (auto stored = need_store(*settings); !stored) return stored;
  // Last, so that whoever sees the port open finds everything else there.
  if (auto listening = server_.listen(); !listening) return listening;
  for (const std::string& line : plugins_->registry().anonymous_notices())
    KEEL_LOG(notice, "plugins: {}", line);
  schedule();
  KEEL_LOG(notice, "keel {} is running: node={} shards={} settings={}", version(), node_name_,
           server_.realm().brokers.size(), settings->file.empty() ? "defaults" : settings->file);
  notify_service_manager("READY=1");
  return {};
}

// Before the listeners open: nobody gets in before the plugins that check him.
void Program::load_plugins(const Settings& settings) {
  bool booted = false;
  plugins_->registry().boot(settings.plugins.load, [&booted] { booted = true; });
  loop_.run_until([this, &booted] { return booted || draining_; });
}

// Without the store that the settings name nothing that is acknowledged would survive: nobody is
// let in to find out.
Result<void> Program::need_store(const Settings& settings) {
  const std::string& store = settings.durability.store;
  const Registry& plugins = plugins_->registry();
  if (store.empty() || plugins.running(store) || !plugins.remembered(store, settings.plugins.load))
    return {};
  return Error{fmt::format(
      "the store '{}' could not be loaded (see above), and without it messages are in memory only; "
      "mend it, or take it out of plugins.load, or start with durability.store = \"\"",
      store)};
}

void Program::schedule() {
  loop_.on_readable(server_.listeners().watch_fd(),
                    [this] { server_.listeners().on_watch_readable(); });
  publish_sys();
  loop_.every(kTick, [this] {
    server_.tick();
    durable_.tick();
    publish_sys();
  });
  loop_.every(kTick, [this] { plugins_->registry().watch(); });
  loop_.every(kSample, [this] {
    admin_.sample();
    memory_.tick(server_.realm(), server_.shards());
  });
  if (const milliseconds period = watchdog_period(); period.count() > 0)
    loop_.every(period, [this] { watch_shards(); });
}

// Once at the start, then as often as the settings in force say.
void Program::publish_sys() {
  const SysSettings sys = server_.realm().settings()->sys;
  const auto now = std::chrono::steady_clock::now();
  if (sys.interval_ms == 0 || draining_) return;
  if (now >= next_interval_) {
    next_interval_ = now + milliseconds(sys.interval_ms);
    admin_.sys().publish_interval();
  }
  if (sys.heartbeat_ms != 0 && now >= next_heartbeat_) {
    next_heartbeat_ = now + milliseconds(sys.heartbeat_ms);
    admin_.sys().publish_heartbeat();
  }
}

void Program::run() {
  loop_.run();
  server_.realm().bans.close();
  KEEL_LOG(notice, "keel has stopped");
  if (!plugins_ || plugins_->gone()) return;
  // A thread is inside a plugin, or was not waited for: nothing can be taken apart around it.
  KEEL_LOG(warning, "the process ends with plugins loaded");
  log::close();
  std::_Exit(0);
}

// Tells the watchdog that all is well only while every shard takes its turns.
void Program::watch_shards() {
  if (silent_shards_.load() != 0) return;
  notify_service_manager("WATCHDOG=1");
  silent_shards_ = server_.realm().brokers.size();
  for (Broker* broker : server_.realm().brokers) broker->shard().post([this] { --silent_shards_; });
}

void Program::on_hangup() {
  notify_service_manager("RELOADING=1");
  if (auto reopened = log::reopen(); !reopened) KEEL_LOG(error, "{}", reopened.error());
  if (auto reloaded = reload_settings(); !reloaded)
    KEEL_LOG(error, "settings not reloaded, the old ones hold: {}", reloaded.error());
  if (auto tls = reload_listeners(); !tls) KEEL_LOG(error, "{}", tls.error());
  notify_service_manager("READY=1");
}

Result<std::vector<std::string>> Program::check_settings(const std::string& file) {
  SettingsSources sources = sources_;
  if (!file.empty()) sources.file = file;
  auto loaded = load_settings(sources);
  if (!loaded) return Error{loaded.error()};
  if (auto fit = preflight(loaded->settings); !fit) return Error{fit.error()};
  return loaded->notices;
}

Result<ReloadReport> Program::reload_settings() {
  auto loaded = load_settings(sources_);
  if (!loaded) return Error{loaded.error()};
  const auto before = server_.realm().settings();
  ReloadReport report{diff_settings(*before, loaded->settings), std::move(loaded->notices)};
  if (report.changes.empty()) return report;
  // What needs a restart goes on as it was, and is reported again until then.
  loaded->settings.kernel = before->kernel;
  loaded->settings.plugins.dir = before->plugins.dir;
  loaded->settings.plugins.load = before->plugins.load;
  loaded->settings.http = before->http;
  const auto after = std::make_shared<const Settings>(std::move(loaded->settings));
  if (auto applied = server_.apply(after); !applied) return Error{applied.error()};
  if (auto opened = log::open(after->log); !opened)
    report.notices.push_back("the log goes on as before: " + opened.error());
  for (const SettingChange& change : report.changes)
    KEEL_LOG(notice, "setting {} changed from {} to {}{}", change.key, change.old_value,
             change.new_value, change.needs_restart ? "; it takes effect after a restart" : "");
  return report;
}

Result<void> Program::start_listener(std::string_view name) {
  return server_.listeners().start(name);
}
Result<void> Program::stop_listener(std::string_view name) {
  return server_.listeners().stop(name);
}
Result<void> Program::restart_listener(std::string_view name) {
  return server_.listeners().restart(name);
}

void Program::stop() {
  if (draining_.exchange(true)) return loop_.stop();  // asked twice: at once
  KEEL_LOG(notice, "stopping: no new clients, {} connections to close", server_.connections());
  notify_service_manager("STOPPING=1");
  server_.drain([this] {
    loop_.post(
        [this] { plugins_->registry().stop_all([this] { wait_for_connections(kDrainPolls); }); });
  });
}

// The last bytes of the connections, DISCONNECT among them, are on their way.
void Program::wait_for_connections(int tries) {
  if (tries == 0 || server_.connections() == 0) return loop_.stop();
  loop_.after(kDrainPoll, [this, tries] { wait_for_connections(tries - 1); });
}

}  // namespace keel::kernel
