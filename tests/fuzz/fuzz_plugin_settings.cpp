// A plugin's settings file, TOML or as EMQ X writes it, against a schema with every type. What
// loads must survive being written as TOML and read back; what does not must say why.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "check.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/config/plugin_report.hpp"

namespace keel::kernel {
namespace {

SettingSpec row(std::string key, SettingType type, Value fallback = {}) {
  return {.key = std::move(key),
          .type = type,
          .low = std::numeric_limits<double>::lowest(),
          .high = std::numeric_limits<double>::max(),
          .fallback = std::move(fallback)};
}

std::shared_ptr<const Schema> every_type() {
  std::vector<SettingSpec> specs;
  specs.push_back(row("a.bool", SettingType::boolean, true));
  specs.push_back(row("a.int", SettingType::integer, std::int64_t{5}));
  specs.back().min = std::numeric_limits<std::int64_t>::min();
  specs.push_back(row("a.float", SettingType::floating, 0.5));
  specs.push_back(row("a.text", SettingType::string));
  specs.push_back(row("a.text.below", SettingType::string));
  specs.push_back(row("a.list", SettingType::strings));
  specs.push_back(row("a.time", SettingType::duration, std::int64_t{1'000}));
  specs.push_back(row("a.size", SettingType::size));
  specs.push_back(row("a.choice", SettingType::choice));
  specs.back().choices = {"x", "y"};
  specs.push_back(row("a.bind", SettingType::address));
  specs.push_back(row("t", SettingType::table));
  specs.push_back(row("n.*.id", SettingType::string));
  specs.back().required = true;
  specs.push_back(row("n.*.secret", SettingType::string));
  specs.back().secret = true;
  specs.push_back(row("n.*.t", SettingType::table));
  return std::make_shared<const Schema>(std::move(specs));
}

void check_line(std::string_view line) {
  FUZZ_CHECK(valid_utf8(line));
  for (const char c : line) FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
}

void check_error(std::string_view error) {
  FUZZ_CHECK(!error.empty());
  std::size_t lines = 0;
  for (; !error.empty(); ++lines) {
    const auto end = std::min(error.find('\n'), error.size());
    check_line(error.substr(0, end));
    error.remove_prefix(std::min(end + 1, error.size()));
  }
  FUZZ_CHECK(lines <= 21);
}

std::string as_toml(const PluginValues& values) {
  std::string text;
  for (const auto& setting : values.set()) {
    std::string key;
    for (const auto& part : setting.path) key += (key.empty() ? "" : ".") + quote_toml(part);
    text += key + " = " + print_value(*setting.spec, setting.value) + '\n';
  }
  return text;
}

void check_read_back(const std::shared_ptr<const Schema>& schema, const PluginValues& values) {
  const auto text = as_toml(values);
  if (text.size() > 256 * 1024) return;  // quotes made it longer than a file may be
  const auto again = load_plugin_settings(schema, {.file = "f", .text = text, .plugin = "p"});
  FUZZ_CHECK(again);
  FUZZ_CHECK(again->notices.empty());
  FUZZ_CHECK(again->values.set().size() == values.set().size());
  FUZZ_CHECK(diff_plugin_settings(values, again->values).empty());
}

}  // namespace
}  // namespace keel::kernel

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keel::kernel;
  const auto schema = every_type();
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto loaded = load_plugin_settings(schema, {.file = "f", .text = text, .plugin = "p"});
  if (!loaded) {
    check_error(loaded.error());
    return 0;
  }
  FUZZ_CHECK(loaded->notices.size() <= 21);
  for (const auto& notice : loaded->notices) check_line(notice);
  for (const auto& line : show_plugin_settings(loaded->values)) {
    if (line.secret && line.value != "unset") FUZZ_CHECK(line.value == "******");
  }
  check_read_back(schema, loaded->values);
  return 0;
}
