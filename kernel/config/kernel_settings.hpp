// Reads the broker's settings: defaults, then the file, then the environment, then --set. All of it
// is checked before anything is answered, so a bad file changes nothing. [control]
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/settings.hpp"

namespace keel::kernel {

struct SettingsSources {
  std::string file;                    // empty: no file, defaults only
  std::optional<std::string> text;     // the file's content, when it need not be read from disk
  std::vector<std::string> overrides;  // of --set, "key=value"
  std::vector<std::pair<std::string, std::string>> environment;  // all of it; KEEL__* count
};

struct LoadedSettings {
  Settings settings;
  std::vector<std::string> notices;  // worth a line in the log, not wrong
};

// The error holds one line per problem: `file:line:column: what, and how to mend it`.
Result<LoadedSettings> load_settings(const SettingsSources& sources);

// The process's environment in the form that SettingsSources wants.
std::vector<std::pair<std::string, std::string>> process_environment();

struct SettingChange {
  std::string key;
  std::string old_value, new_value;  // as TOML; "(none)" where a listener or TLS section is absent
  bool needs_restart;
};
std::vector<SettingChange> diff_settings(const Settings& before, const Settings& after);

struct SettingDescription {
  std::string key;
  std::string value;  // as TOML; "unset" where the default depends on other things; secrets masked
  bool is_default;
  bool secret;
  bool reloadable;
  std::string help;
};
std::vector<SettingDescription> describe_settings(const Settings& settings);

}  // namespace keel::kernel
