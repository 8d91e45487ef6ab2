#include "kernel/program/plugins.hpp"

#include <cstdlib>
#include <filesystem>

#include "kernel/plugin/library.hpp"

namespace keel::kernel {
namespace {

namespace fs = std::filesystem;

std::string absolute(const std::string& path) {
  std::error_code failed;
  const fs::path full = fs::absolute(path, failed);
  return failed ? path : full.lexically_normal().string();
}

std::string folder_of(const std::string& file) {
  const fs::path folder = fs::path(file.empty() ? "etc/keel.conf" : file).parent_path();
  return absolute(folder.empty() ? "." : folder.string());
}

std::string plugin_dir(const Settings& settings) {
  return settings.plugins.dir.empty() ? default_plugin_dir() : absolute(settings.plugins.dir);
}

// Only ThreadSanitizer's build can be told to leave out the barriers, which it then has to notice.
bool wait_for_shards() {
#if defined(__SANITIZE_THREAD__)
  return std::getenv("KEEL_TEST_NO_BARRIER") == nullptr;
#else
  return true;
#endif
}

}  // namespace

std::string default_plugin_dir() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  const fs::path above = program.parent_path().parent_path();
  const fs::path built = above / "plugins";
  return (fs::is_directory(built, failed) ? built : above / "lib/keel/plugins").string();
}

Plugins::Plugins(Server& server, DurableState& durable, ControlLoop& loop, Admin& admin,
                 const Settings& settings)
    : loop_(loop),
      admin_(admin),
      workers_({}),
      runtime_({.shards = server.shards(),
                .realm = server.realm(),
                .listeners = server.listeners(),
                .workers = workers_,
                .control = *this,
                .version = KEEL_VERSION,
                .data_dir = absolute(settings.kernel.data_dir),
                .base_dir = absolute("."),
                .wait_for_shards = wait_for_shards(),
                .stop_timeout = std::chrono::milliseconds(settings.plugins.stop_timeout_ms),
                .store_user = &durable}),
      registry_(runtime_,
                {.plugin_dir = plugin_dir(settings),
                 .etc_dir = folder_of(settings.file),
                 .data_dir = absolute(settings.kernel.data_dir),
                 .stop_timeout = std::chrono::milliseconds(settings.plugins.stop_timeout_ms)}) {
  durable.also_tell([this](std::uint64_t ticket) { runtime_.on_commit(ticket); });
}

Plugins::~Plugins() { workers_.stop(); }

Result<void> Plugins::start() {
  runtime_.start();
  return empty_run_dir(runtime_.options().data_dir + "/run");
}

void Plugins::after_ms(std::int64_t delay_ms, std::function<void()> fn) {
  loop_.after(std::chrono::milliseconds(delay_ms), std::move(fn));
}

bool Plugins::add_command(const std::string& name, std::vector<Usage> usage, CommandFn fn) {
  std::vector<UsageLine> lines;
  for (Usage& line : usage) lines.push_back({std::move(line.form), std::move(line.summary)});
  return admin_.add_control_command(name, std::move(lines), std::move(fn));
}

void Plugins::remove_command(const std::string& name) { admin_.remove_control_command(name); }

}  // namespace keel::kernel
