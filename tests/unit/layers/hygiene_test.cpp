// House rules for every source file.
#include <doctest/doctest.h>

#include <regex>
#include <string>

#include "tests/unit/layers/source_tree.hpp"

namespace keel::test {
namespace {

constexpr std::size_t kMaxLines = 600;

bool is_header(const std::string& path) { return path.ends_with(".hpp") || path.ends_with(".h"); }

TEST_CASE("no file is longer than one can read at a sitting") {
  for (const SourceFile& file : read_sources())
    if (file.lines.size() > kMaxLines)
      FAIL_CHECK(file.path << " has " << file.lines.size() << " lines, at most " << kMaxLines);
}

TEST_CASE("nothing is left for later") {
  // Spelled in halves, or this file would find itself.
  const std::regex note(
      "\\b(TO"
      "DO|FIX"
      "ME|XX"
      "X|HA"
      "CK)\\b");
  for (const SourceFile& file : read_sources())
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      if (std::regex_search(file.lines[i], note))
        FAIL_CHECK(file.path << ":" << i + 1 << ": " << file.lines[i]);
}

TEST_CASE("every C++ header guards itself with #pragma once") {
  for (const SourceFile& file : read_sources()) {
    if (!is_header(file.path) || file.path.rfind("sdk/", 0) == 0) continue;
    bool guarded = false;
    for (const std::string& line : file.lines) guarded = guarded || line == "#pragma once";
    if (!guarded) FAIL_CHECK(file.path << " lacks #pragma once");
  }
}

TEST_CASE("no tabs, no trailing blanks, no carriage returns") {
  for (const SourceFile& file : read_sources())
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      if (line.find_first_of("\t\r") != std::string::npos || line.ends_with(' '))
        FAIL_CHECK(file.path << ":" << i + 1 << ": stray white space");
    }
}

}  // namespace
}  // namespace keel::test
