// Settings: the input is a file, and behind zero bytes any number of --set arguments or
// KEEL__X=value environment variables. What loads must survive being printed and read back; what
// does not must say why.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/config/kernel_settings.hpp"

namespace keel::kernel {
namespace {

SettingsSources sources_of(std::string_view input) {
  SettingsSources sources;
  sources.file = "f";
  sources.text = input.substr(0, input.find('\0'));
  for (auto zero = input.find('\0'); zero != std::string_view::npos; zero = input.find('\0')) {
    input.remove_prefix(zero + 1);
    const std::string_view part = input.substr(0, input.find('\0'));
    const auto equals = part.find('=');
    if (part.starts_with("KEEL__") && equals != std::string_view::npos) {
      sources.environment.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    } else {
      sources.overrides.emplace_back(part);
    }
  }
  return sources;
}

void check_error(std::string_view error) {
  FUZZ_CHECK(!error.empty());
  FUZZ_CHECK(valid_utf8(error));
  std::size_t lines = 0;
  while (!error.empty()) {
    const auto line = error.substr(0, error.find('\n'));
    FUZZ_CHECK(line.find(": ") != std::string_view::npos || line.starts_with("and "));
    for (const char c : line) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
    ++lines;
    error.remove_prefix(line.size() + (line.size() < error.size() ? 1 : 0));
  }
  FUZZ_CHECK(lines <= 21);
}

void check_settings_read_back(const Settings& settings) {
  SettingsSources again;
  for (const auto& setting : describe_settings(settings)) {
    FUZZ_CHECK(valid_utf8(setting.value));
    if (setting.secret && !setting.is_default) return;  // masked
    if (setting.value == "unset") continue;
    again.overrides.push_back(setting.key + '=' + setting.value);
  }
  const auto loaded = load_settings(again);
  FUZZ_CHECK(loaded);
  FUZZ_CHECK(diff_settings(settings, loaded->settings).empty());
}

}  // namespace
}  // namespace keel::kernel

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  const auto sources = sources_of({reinterpret_cast<const char*>(data), size});
  const auto loaded = load_settings(sources);
  if (loaded) {
    check_settings_read_back(loaded->settings);
  } else {
    check_error(loaded.error());
  }
  return 0;
}
