// Plugins' settings for people: what changed, what is in force, what there is, and the sample file.
// Values of secrets never appear. [control]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/config/plugin_settings.hpp"

namespace keel::kernel {

struct PluginSettingChange {
  std::string key;
  std::string old_value, new_value;  // as TOML, "unset", or "******"
  bool reloadable;                   // else the plugin has to be started anew
};
// In the order of the schema, then of the files.
std::vector<PluginSettingChange> diff_plugin_settings(const PluginValues& before,
                                                      const PluginValues& after);

// For `ctl plugins show`: every key of the schema that has a value or could have one.
struct PluginSettingLine {
  std::string key;
  std::string value;  // as TOML, "unset", or "******"
  bool is_default;
  bool secret;
  std::string at;  // where it is set; empty for defaults
};
std::vector<PluginSettingLine> show_plugin_settings(const PluginValues& values);

// For `ctl plugins describe`: the schema.
struct PluginSettingHelp {
  std::string key;
  std::string takes;     // "a whole number from 1 to 65535"
  std::string fallback;  // as TOML; "unset"; "required"
  bool required, secret, reloadable;
  std::string help;
};
std::vector<PluginSettingHelp> describe_schema(const Schema& schema);
// The same as lines of text.
std::vector<std::string> describe_schema_lines(const Schema& schema);

// The file etc/plugins/NAME.conf as it is shipped: every key with its default, commented out.
std::string print_sample(const Schema& schema, std::string_view name, std::string_view summary);

}  // namespace keel::kernel
