// What users of EMQ X write and Keel names otherwise, or does not have in this version.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace keel::kernel {

// "is not part of this version; use 'limits.max_inflight' instead", to follow the key; nothing for
// keys that EMQ X does not know either.
std::optional<std::string> foreign_key(const std::vector<std::string>& path);

}  // namespace keel::kernel
