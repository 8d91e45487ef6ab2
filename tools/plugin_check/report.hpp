// How plugin_check tells what it found: lines for people, or one JSON document.
#pragma once

#include <string>
#include <vector>

#include "tools/plugin_check/lint.hpp"

namespace keel::check {

// What the load and unload cycles measured.
struct Measured {
  unsigned cycles = 0;                // that were completed
  double load_ms = 0, unload_ms = 0;  // medians
  double heap_per_cycle = 0;          // bytes that the broker's heap grew by
  double resident_per_cycle = 0;      // bytes of anonymous memory
};

struct Report {
  std::string file;
  std::vector<Finding> findings;
  bool ran = false;  // whether `measured` counts
  Measured measured;
};

std::string as_text(const Report& report);
std::string as_json(const Report& report);

}  // namespace keel::check
