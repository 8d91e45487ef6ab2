// How a topic filter walks an ordered set of topics: for each topic met, whether it matches and, if
// not, where the next one can stand at the earliest. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keel::kernel {

enum class FilterStep : std::uint8_t {
  match,
  seek,  // no; nothing before `key` matches either
  done,  // no, and nothing behind it does
};

// `filter` is valid and without share prefix. `key` is set for seek only, and stands behind
// `topic`.
FilterStep filter_step(std::string_view filter, std::string_view topic, std::string& key);

}  // namespace keel::kernel
