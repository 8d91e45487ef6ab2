// Turns settings as people write them (a TOML file, --set arguments, environment variables) into
// one flat list of entries, each knowing where it stands. Knows no keys; a schema judges the
// entries. [control]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/config/problems.hpp"
#include "kernel/config/value.hpp"

namespace keel::kernel {

struct Entry {
  enum class Kind : std::uint8_t { value, section, empty_section };

  std::vector<std::string> path;  // "limits.max_inflight" as {"limits", "max_inflight"}
  Kind kind = Kind::value;
  RawValue raw;
  std::string key_at;  // "etc/keel.conf:12:1", "--set limits.x=..." or "environment KEEL__X"
  std::string value_at;
  bool any_case = false;  // the path's case is not the user's (environment)
};

// A path in TOML's spelling: quoted where a part needs it, shortened when very long.
std::string dotted(const std::vector<std::string>& path);

// The entries of a whole file in the order they stand there. `source` names it in messages; a part
// of a file says at which line it begins.
void read_toml(std::string_view text, const std::string& source, std::vector<Entry>& entries,
               Problems& problems, std::size_t first_line = 1);

// A text that stands somewhere without its quotes.
RawValue bare_value(std::string_view text);
// Splits a key at its dots; nothing when a part is empty or would need quotes, or there are too
// many.
std::optional<std::vector<std::string>> split_bare_key(std::string_view key);

// `key=value` as given to --set. The value is TOML, or the text itself when it is not.
void read_override(std::string_view assignment, std::vector<Entry>& entries, Problems& problems);

// KEEL__LISTENER__MQTT__BIND=1883 as listener.mqtt.bind; other variables are left alone.
void read_environment(std::string_view name, std::string_view value, std::vector<Entry>& entries,
                      Problems& problems);

}  // namespace keel::kernel
