// Holds entries against a schema: unknown keys, types, ranges. The result is typed and complete for
// whoever stores it: the kernel's Settings, or a plugin's view. [control]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/config/schema.hpp"
#include "kernel/config/toml_source.hpp"

namespace keel::kernel {

struct CheckedSetting {
  const SettingSpec* spec;  // null: a section's own header
  std::vector<std::string> path;
  Value value;
  std::string at;     // where the value stands
  bool bare = false;  // a text, or several, without the quotes they should have
};

// What to say of a key that the schema does not have, if something is known about it; the text
// continues a sentence that begins with the key.
using KnownElsewhere = std::optional<std::string> (*)(const std::vector<std::string>&);

// In the entries' order; what is wrong goes to `problems` and is left out. `manual` tells of the
// keys there are.
std::vector<CheckedSetting> check_entries(const Schema& schema, std::vector<Entry> entries,
                                          KnownElsewhere elsewhere, Problems& problems,
                                          std::string_view manual = "keel.conf(5)");

}  // namespace keel::kernel
