// `ctl plugins new`: writes a plugin's project from the templates that come with the SDK. Needs no
// broker.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace keel::ctl {

struct NewPlugin {
  std::string name;
  std::string kind = "gateway";
  std::filesystem::path directory;  // empty: `name` below the working directory
};

struct NewPluginResult {
  std::string error;                         // empty: done
  bool usage = false;                        // the error is a wrong word, not a failure
  std::filesystem::path directory;           // absolute
  std::vector<std::filesystem::path> files;  // below it
};

// `program` is where ctl itself is: the templates are in ../share/keel/templates from there.
NewPluginResult new_plugin(const NewPlugin& wanted, const std::filesystem::path& program);

// The words behind `plugins new`, and what is printed; answers the exit code.
int new_plugin_command(const std::vector<std::string>& words, bool json,
                       const std::filesystem::path& program);

}  // namespace keel::ctl
