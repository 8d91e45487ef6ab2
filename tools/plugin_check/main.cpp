// plugin_check: whether a plugin can be loaded and unloaded without leaving anything behind.
#include <cstdio>
#include <exception>

#include "tools/plugin_check/cycles.hpp"
#include "tools/plugin_check/lint.hpp"
#include "tools/plugin_check/options.hpp"
#include "tools/plugin_check/report.hpp"

namespace {

using keel::check::Options;

constexpr int kFailed = 1, kUsage = 2;

int print(const std::string& text) {
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = keel::check::parse(argc, argv);
  switch (options.action) {
    case Options::Action::help:
      return print(keel::check::kHelp);
    case Options::Action::version:
      return print("plugin_check " KEEL_VERSION "\n");
    case Options::Action::refuse:
      std::fprintf(stderr, "%s; see plugin_check --help\n", options.refusal.c_str());
      return kUsage;
    case Options::Action::check:
    case Options::Action::lint:
      break;
  }
  keel::check::Report report{.file = options.file};
  report.findings =
      keel::check::lint({.file = options.file, .name = options.name, .version = options.version});
  if (options.action == Options::Action::check && !has_error(report.findings)) {
    try {
      run_cycles(options, report);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s: %s\n", options.file.c_str(), error.what());
      return kUsage;
    }
  }
  const int printed = print(options.json ? as_json(report) : as_text(report));
  return has_error(report.findings) ? kFailed : printed;
}
