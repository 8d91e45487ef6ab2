// What can be told about a plugin from its file alone: everything known to keep one from being
// unloaded is an error, what is dangerous only in some uses is a warning.
#pragma once

#include <string>
#include <vector>

namespace keel::check {

struct Finding {
  enum class Severity { warning, error };
  Severity severity = Severity::error;
  std::string rule;  // a short name, for scripts
  std::string text;  // cause and remedy
};

struct LintOptions {
  std::string file;
  std::string name;     // it must have; empty: that of the file
  std::string version;  // it must have; empty: any
};

std::vector<Finding> lint(const LintOptions& options);

bool has_error(const std::vector<Finding>& findings);

}  // namespace keel::check
