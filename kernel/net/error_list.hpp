// Errors of several listeners as one: what went wrong with one does not keep the others from being
// tried. [any]
#pragma once

#include <string>

#include "kernel/base/result.hpp"

namespace keel::kernel {

// One error of many, on one line.
inline void add_error(std::string& all, const std::string& one) {
  all += (all.empty() ? "" : "; ") + one;
}

inline Result<void> as_result(const std::string& errors) {
  if (errors.empty()) return {};
  return Error{errors};
}

}  // namespace keel::kernel
