// Reads settings files that are not TOML as a whole, because they come from EMQ X: there a value is
// the rest of its line, without quotes, and a key may have both a value and keys below it.
// [control]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernel/config/problems.hpp"
#include "kernel/config/toml_source.hpp"

namespace keel::kernel {

// A line (or several, of an array or a long string) that is TOML by itself is read as that. Another
// that looks like `key = words` gives the words as a text with `raw.bare` set; a '#' with a blank
// before it begins a comment. Anything else is a problem, as is a key that is set twice.
void read_loose(std::string_view text, const std::string& source, std::vector<Entry>& entries,
                Problems& problems);

}  // namespace keel::kernel
