// What the commands need of the program around them: settings, listeners, its end. Implemented by
// main, faked by tests. Except where marked, everything is called on the control thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/task.hpp"

namespace keel::kernel {

// One listener as `ctl listeners` shows it.
struct ListenerStatus {
  std::string name;      // of its section
  std::string protocol;  // "mqtt:tcp", "mqtt:ssl", "mqtt:unix"
  std::string bind;      // "127.0.0.1:1883"
  bool running = false;
  std::uint32_t acceptors = 1;
  std::uint64_t max_connections = 0;  // 0: none
  std::uint64_t connections = 0;
  std::vector<std::pair<std::string, std::uint64_t>> closed;  // cause, how often
};

struct ReloadReport {
  std::vector<std::string> errors;   // not empty: nothing was changed
  std::vector<std::string> changed;  // "limits.max_inflight: 32 -> 64"
  std::vector<std::string> restart;  // keys that differ and need a restart
  std::vector<std::string> notes;    // whatever else is worth knowing
};

struct SettingLine {
  std::string key, value;  // the value as it stands in TOML; secrets masked
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
  // Stopped ones take no new connections; those they have stay.
  virtual Result<void> start_listener(std::string_view name) = 0;
  virtual Result<void> stop_listener(std::string_view name) = 0;
  // Reads certificates, keys, CAs and CRLs again; empty name: of all listeners. No client is
  // dropped.
  virtual Result<void> reload_listener(std::string_view name) = 0;

  virtual std::vector<SettingLine> settings() = 0;
  // What is wrong with a file; empty name: the one in force.
  virtual std::vector<std::string> check_settings(std::string_view file) = 0;
  virtual ReloadReport reload_settings() = 0;

  // Begins to drain and to end the program; answers at once.
  virtual void stop() = 0;
};

}  // namespace keel::kernel
