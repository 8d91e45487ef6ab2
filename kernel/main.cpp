// keel: the broker. Wiring only: command line, settings, log, program.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "kernel/base/log.hpp"
#include "kernel/config/kernel_settings.hpp"
#include "kernel/program/hold_signals.hpp"
#include "kernel/program/options.hpp"
#include "kernel/program/preflight.hpp"
#include "kernel/program/program.hpp"

using namespace keel::kernel;

namespace {

constexpr int kFailed = 1, kUsageError = 2;

int run(const Options& options) {
  hold_signals();
  SettingsSources sources;
  sources.file = options.config.empty() ? default_config() : options.config;
  sources.overrides = options.overrides;
  sources.environment = process_environment();
  auto loaded = load_settings(sources);
  if (!loaded) {
    fmt::print(stderr, "{}\n", loaded.error());
    return kFailed;
  }
  if (options.check) {
    if (auto fit = preflight(loaded->settings); !fit) {
      fmt::print(stderr, "{}\n", fit.error());
      return kFailed;
    }
    for (const std::string& notice : loaded->notices) fmt::print("notice: {}\n", notice);
    fmt::print("{}: ok\n", sources.file.empty() ? "defaults" : sources.file);
    return 0;
  }
  const auto settings = std::make_shared<const Settings>(std::move(loaded->settings));
  if (auto opened = log::open(settings->log); !opened) {
    fmt::print(stderr, "{}\n", opened.error());
    return kFailed;
  }
  for (const std::string& notice : loaded->notices) KEEL_LOG(notice, "{}", notice);
  int status = 0;
  {
    Program program(std::move(sources), settings);
    if (auto started = program.start(); started) {
      program.run();
    } else {
      KEEL_LOG(critical, "{}", started.error());
      status = kFailed;
    }
  }
  log::close();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    fmt::print(stderr, "keel: {}\n", options.error());
    return kUsageError;
  }
  if (options->help) return fmt::print("{}", kUsage), 0;
  if (options->version) return fmt::print("keel {}\n", KEEL_VERSION), 0;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(*options);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "keel: {}\n", failure.what());
    return kFailed;
  }
}
