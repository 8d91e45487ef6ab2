// The command line of `keel`.
#pragma once

#include <string>
#include <vector>

#include "kernel/base/result.hpp"

namespace keel::kernel {

struct Options {
  std::string config;                  // -c FILE; empty: none given
  std::vector<std::string> overrides;  // --set key=value
  bool check = false, version = false, help = false;
};

Result<Options> parse_options(int argc, char** argv);
extern const char kUsage[];

// The file to read when -c names none: etc/keel.conf here, or etc/keel/keel.conf beside the
// installed binary, or /etc/keel/keel.conf. Empty: none of them exists.
std::string default_config();

}  // namespace keel::kernel
