// Text without what surrounds it. [any]
#pragma once

#include <string_view>

namespace keel::kernel {

// `text` without the blanks at both ends; a part of `text`.
inline std::string_view trimmed(std::string_view text, std::string_view blanks = " ") {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace keel::kernel
