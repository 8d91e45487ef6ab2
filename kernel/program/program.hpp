// The running broker: data plane, operators' side, and the control loop that holds them together.
// Made, run and destroyed by main; everything is [control] unless the base class says otherwise.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/admin/admin.hpp"
#include "kernel/admin/host.hpp"
#include "kernel/config/kernel_settings.hpp"
#include "kernel/net/control_loop.hpp"
#include "kernel/program/data_dir.hpp"
#include "kernel/program/memory_return.hpp"
#include "kernel/program/plugins.hpp"
#include "kernel/program/server.hpp"

namespace keel::kernel {

class Program final : public AdminHost {
 public:
  // `sources` is where the settings came from; a reload reads them again.
  Program(SettingsSources sources, std::shared_ptr<const Settings> settings);
  ~Program() override;

  Result<void> start();
  void run();  // until a signal or `ctl stop`, and until what was connected then has been told

  void post(Task task) override { loop_.post(std::move(task)); }
  std::string_view version() const override;
  std::string_view node_name() const override { return node_name_; }
  std::int64_t started_unix_s() const override { return started_unix_s_; }
  bool draining() const override { return draining_; }
  std::vector<ListenerStatus> listeners() override { return server_.listeners().list(); }
  Result<void> start_listener(std::string_view name) override;
  Result<void> stop_listener(std::string_view name) override;
  Result<void> restart_listener(std::string_view name) override;
  Result<void> reload_listeners() override { return server_.listeners().reload_tls(); }
  Result<std::vector<std::string>> check_settings(const std::string& file) override;
  Result<ReloadReport> reload_settings() override;
  Registry* plugins() override { return plugins_ ? &plugins_->registry() : nullptr; }
  void stop() override;

 private:
  void load_plugins(const Settings& settings);
  Result<void> need_store(const Settings& settings);
  void schedule();
  void publish_sys();
  void on_hangup();
  void wait_for_connections(int tries);
  void watch_shards();

  SettingsSources sources_;
  const std::string node_name_;
  const std::int64_t started_unix_s_;
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> silent_shards_{0};  // have not answered the last watchdog round
  std::chrono::steady_clock::time_point next_interval_{}, next_heartbeat_{};  // of $SYS
  std::optional<DataDir> data_dir_;
  ControlLoop loop_;
  Server server_;
  DurableState durable_;
  MemoryReturn memory_;
  Admin admin_;
  std::unique_ptr<Plugins> plugins_;  // from start() on
};

}  // namespace keel::kernel
