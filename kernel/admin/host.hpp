// What the commands need of the program around them: settings, listeners, its end. Implemented by
// main, faked by tests. Except where marked, everything is called on the control thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/task.hpp"
#include "kernel/config/kernel_settings.hpp"
#include "kernel/net/listener_set.hpp"

namespace keel::kernel {

class Registry;

struct ReloadReport {
  std::vector<SettingChange> changes;
  std::vector<std::string> notices;  // worth knowing, not wrong
};

class AdminHost {
 public:
  virtual ~AdminHost() = default;

  // Runs `task` on the control thread, or destroys it when that thread has ended. [any]
  virtual void post(Task task) = 0;

  virtual std::string_view version() const = 0;     // "0.1.0" [any]
  virtual std::string_view node_name() const = 0;   // [any]
  virtual std::int64_t started_unix_s() const = 0;  // [any]
  virtual bool draining() const = 0;                // [any]

  virtual std::vector<ListenerStatus> listeners() = 0;
  // A stopped one takes no new connections; those it has stay.
  virtual Result<void> start_listener(std::string_view name) = 0;
  virtual Result<void> stop_listener(std::string_view name) = 0;
  virtual Result<void> restart_listener(std::string_view name) = 0;
  // Reads certificates, keys, CAs and CRLs of all listeners again. No client is dropped.
  virtual Result<void> reload_listeners() = 0;

  // Notices about a file, or all its errors, a line each; empty name: the one in force.
  virtual Result<std::vector<std::string>> check_settings(const std::string& file) = 0;
  // An error has a line per problem, and nothing was changed.
  virtual Result<ReloadReport> reload_settings() = 0;

  // The plugins; null where there are none to be had. Its functions are [control].
  virtual Registry* plugins() { return nullptr; }

  // Begins to drain and to end the program; answers at once.
  virtual void stop() = 0;
};

}  // namespace keel::kernel
