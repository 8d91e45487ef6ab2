// The command line of plugin_check.
#pragma once

#include <string>
#include <vector>

namespace keel::check {

struct Options {
  enum class Action { check, lint, help, version, refuse };

  Action action = Action::check;
  std::string refusal;
  std::string file;
  std::string name, version;      // the file must carry them; empty: its own name, any
  std::string settings;           // for the plugin; empty: its defaults
  std::string broker;             // empty: beside this program
  std::vector<std::string> with;  // plugins loaded before it
  unsigned cycles = 100;
  bool json = false;
};

Options parse(int argc, const char* const* argv);

extern const char* const kHelp;

}  // namespace keel::check
