// Asks the dynamic loader what a shared object lacks, in the mode behind `ldd -r`: it resolves
// everything and runs nothing of the file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keel::check {

struct Unresolved {
  std::vector<std::string> symbols, libraries;
};

// Nothing is found for files of another machine than this one.
Unresolved find_unresolved(const std::string& file, std::uint16_t machine);

// From the loader's words.
Unresolved parse_unresolved(const std::string& output);

}  // namespace keel::check
