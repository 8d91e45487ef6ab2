// The plugin host inside the program: where its files are, and its way to the control thread and to
// ctl. Made after the data plane, destroyed before it; [control].
#pragma once

#include <memory>
#include <string>

#include "kernel/admin/admin.hpp"
#include "kernel/broker/durable_state.hpp"
#include "kernel/net/control_loop.hpp"
#include "kernel/net/worker_pool.hpp"
#include "kernel/plugin/ports.hpp"
#include "kernel/plugin/registry.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/program/server.hpp"

namespace keel::kernel {

class Plugins final : private ControlPort {
 public:
  // `durable` is told of the store, and tells of what is committed.
  Plugins(Server& server, DurableState& durable, ControlLoop& loop, Admin& admin,
          const Settings& settings);
  ~Plugins() override;

  // The shards run and the data directory is ours.
  Result<void> start();
  Registry& registry() { return registry_; }
  // Whether everything was unloaded, so that the rest can be taken apart.
  bool gone() const { return registry_.idle(); }

 private:
  void post(Task task) override { loop_.post(std::move(task)); }
  void after_ms(std::int64_t delay_ms, std::function<void()> fn) override;
  bool add_command(const std::string& name, std::vector<Usage> usage, CommandFn fn) override;
  void remove_command(const std::string& name) override;

  ControlLoop& loop_;
  Admin& admin_;
  WorkerPool workers_;
  Runtime runtime_;
  Registry registry_;
};

// Where the plugins' files are when plugins.dir is empty: beside the running program, in its build
// tree or its installation.
std::string default_plugin_dir();

}  // namespace keel::kernel
