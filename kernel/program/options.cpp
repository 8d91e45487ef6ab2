#include "kernel/program/options.hpp"

#include <filesystem>
#include <string_view>

namespace keel::kernel {

const char kUsage[] =
    R"(usage: keel [-c FILE] [--set KEY=VALUE]... [--check]
       keel --version | --help

  -c, --config FILE   the settings to read; default: etc/keel.conf, else the installed keel.conf
  --set KEY=VALUE     one setting, over the file and the environment; the value is TOML (repeatable)
  --check             check the settings, say what is wrong with them, and exit
  --version           print the version and exit
)";

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = [&]() -> const char* { return i + 1 < argc ? argv[++i] : nullptr; };
    if (word == "-c" || word == "--config" || word == "--set") {
      const char* text = value();
      if (!text) return Error{std::string(word) + " needs a value; see keel --help"};
      if (word == "--set")
        options.overrides.emplace_back(text);
      else
        options.config = text;
    } else if (word.starts_with("--set=")) {
      options.overrides.emplace_back(word.substr(6));
    } else if (word.starts_with("--config=")) {
      options.config = word.substr(9);
    } else if (word == "--check") {
      options.check = true;
    } else if (word == "--version" || word == "-V") {
      options.version = true;
    } else if (word == "--help" || word == "-h") {
      options.help = true;
    } else {
      return Error{"unknown argument '" + std::string(word) + "'; see keel --help"};
    }
  }
  return options;
}

std::string default_config() {
  std::error_code failed;
  std::vector<std::filesystem::path> places{"etc/keel.conf"};
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (!failed) places.push_back(binary.parent_path().parent_path() / "etc/keel/keel.conf");
  places.emplace_back("/etc/keel/keel.conf");
  for (const auto& place : places)
    if (std::filesystem::exists(place, failed)) return place.string();
  return {};
}

}  // namespace keel::kernel
