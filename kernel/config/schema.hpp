// What settings exist: their keys, types, ranges and defaults. Knows no broker; the kernel's own
// table and (later) those of plugins are instances. Immutable once made, any thread.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/config/value.hpp"

namespace keel::kernel {

enum class SettingType : std::uint8_t {
  boolean,
  integer,
  octal,  // an integer shown as 0o660
  floating,
  string,
  strings,  // a list; with `choices`, of those only
  duration,
  size,
  choice,
  address,  // "1883", "127.0.0.1:1883", "[::1]:1883", "unix:PATH"; kept as text
  table,    // any names below the key, each with a text
};

struct SettingSpec {
  std::string key;  // "limits.max_inflight"; a `*` part stands for a name: "tls.*.certfile"
  SettingType type = SettingType::string;
  std::int64_t min = 0;  // of integers, durations (ms) and sizes
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  double low = 0;  // of floating
  double high = 0;
  std::int64_t step_ms = 1;     // durations are multiples of this
  std::int64_t unit_ms = 1000;  // what a plain integer counts
  std::vector<std::string> choices;
  bool may_be_empty = true;  // strings and addresses
  bool reloadable = true;    // else a change waits for a restart
  bool secret = false;       // never shown
  bool required = false;     // has to be set; below a `*`, for each name that is there
  Value fallback;            // the default; monostate: depends on other things, see help
  std::string example;       // for the sample file where there is no fallback
  std::string help;          // one line
};

class Schema {
 public:
  explicit Schema(std::vector<SettingSpec> specs);

  const std::vector<SettingSpec>& specs() const { return specs_; }
  // The setting that `path` belongs to; of a table, also for the names in it.
  const SettingSpec* find(const std::vector<std::string>& path) const;
  // The parts of the key of one of specs().
  const std::vector<std::string>& parts(const SettingSpec& spec) const {
    return paths_[static_cast<std::size_t>(&spec - specs_.data())];
  }
  // True when keys stand below `path`.
  bool is_section(const std::vector<std::string>& path) const;
  // The key somebody probably meant by `path`, dotted; empty when nothing is near.
  std::string suggest(const std::vector<std::string>& path) const;
  // The same for a section.
  std::string suggest_section(const std::vector<std::string>& path) const;

 private:
  std::vector<SettingSpec> specs_;
  std::vector<std::vector<std::string>> paths_;  // of specs_, same order
};

// Checks and converts. The error continues a sentence that begins with the key: `is "x"; give ...`.
Result<Value> convert(const SettingSpec& spec, const RawValue& raw);

// "a whole number from 0 to 65535": what a value must be.
std::string expectation(const SettingSpec& spec);

// A value as it would stand in the file; "unset" for monostate. Secrets are not masked here.
std::string print_value(const SettingSpec& spec, const Value& value);

std::vector<std::string> split_path(std::string_view key);

// Insertions, deletions, replacements and swaps of neighbours between the two.
std::size_t edit_distance(std::string_view a, std::string_view b);
// The nearest of `candidates`, if near enough to be a slip of the finger; else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace keel::kernel
