#include "kernel/plugin/entry_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/base/utf8.hpp"
#include "kernel/plugin/library.hpp"
#include "kernel/plugin/peek.hpp"

namespace keel::kernel {

namespace {

constexpr std::uint32_t kMaxSettings = 1'000;
constexpr std::size_t kMaxKey = 128;
constexpr std::size_t kMaxParts = 12;
constexpr std::size_t kMaxText = 1'024;
// Of version 1.0, the least that any plugin has; and more than any version will.
constexpr std::size_t kSettingSize = offsetof(keel_setting, unit_ms) + sizeof(std::int64_t);
constexpr std::size_t kEntrySize = offsetof(keel_plugin_entry, create) + sizeof(void*);
constexpr std::size_t kMaxStruct = 4'096;

// An address further on, whatever it may be.
const void* further(const void* from, std::size_t bytes) {
  return reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(from) + bytes);
}

// A setting with every text copied to our side.
struct Row {
  keel_setting raw{};
  std::string key, help;
  std::optional<std::string> choices, fallback;
};

bool is_clean(std::string_view text) {
  return valid_utf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kMaxKey || key.front() == '*') return false;
  const auto parts = split_path(key);
  return parts.size() <= kMaxParts &&
         std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
           return part == "*" ||
                  (!part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-';
                  }));
         });
}

// What goes wrong with a row continues "setting 'x': ".
Result<Row> read_row(const Peek& peek, const void* at, std::uint32_t index) {
  const auto fail = [&](std::string_view text) {
    return Error{fmt::format("setting {} of its entry {}", index + 1, text)};
  };
  Row row;
  if (!peek.copy(at, &row.raw, kSettingSize)) {
    return fail("is at an address that does not exist; is settings_count right?");
  }
  const auto key = peek.text(row.raw.key, kMaxKey + 1);
  if (!key || !is_key(*key)) {
    std::string buffer;
    return fail(
        fmt::format("has the key '{}'; write names of letters, digits, '_' and '-' with "
                    "dots between them",
                    key ? printable(*key, buffer, 60) : "(no text)"));
  }
  row.key = *key;
  const auto take = [&](const char* from, std::optional<std::string>& to) {
    if (from == nullptr) return true;
    to = peek.text(from, kMaxText);
    return to && is_clean(*to);
  };
  std::optional<std::string> help;
  if (!take(row.raw.help, help) || !take(row.raw.choices, row.choices) ||
      !take(row.raw.fallback, row.fallback)) {
    return fail(
        fmt::format("('{}') has a text that is not UTF-8, longer than 1 KiB or more than "
                    "one line",
                    row.key));
  }
  row.help = help.value_or("");
  return row;
}

std::optional<SettingType> setting_type(std::uint8_t type) {
  switch (type) {
    case KEEL_SETTING_BOOL:
      return SettingType::boolean;
    case KEEL_SETTING_INT:
      return SettingType::integer;
    case KEEL_SETTING_FLOAT:
      return SettingType::floating;
    case KEEL_SETTING_STRING:
      return SettingType::string;
    case KEEL_SETTING_STRINGS:
      return SettingType::strings;
    case KEEL_SETTING_DURATION:
      return SettingType::duration;
    case KEEL_SETTING_SIZE:
      return SettingType::size;
    case KEEL_SETTING_CHOICE:
      return SettingType::choice;
    case KEEL_SETTING_ADDRESS:
      return SettingType::address;
    case KEEL_SETTING_TABLE:
      return SettingType::table;
    default:
      return std::nullopt;
  }
}

bool is_number(SettingType type) {
  return type == SettingType::integer || type == SettingType::duration || type == SettingType::size;
}

std::optional<std::vector<std::string>> split_choices(std::string_view text) {
  std::vector<std::string> choices;
  for (;;) {
    const auto end = std::min(text.find('|'), text.size());
    std::string choice(text.substr(0, end));
    if (choice.empty() || std::find(choices.begin(), choices.end(), choice) != choices.end()) {
      return std::nullopt;
    }
    choices.push_back(std::move(choice));
    if (end == text.size()) return choices;
    text.remove_prefix(end + 1);
  }
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number number{};
  const auto* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || after != end) return std::nullopt;
  return number;
}

// A default as it would stand in the file, without quotes.
RawValue raw_fallback(SettingType type, const std::string& text) {
  RawValue raw{text, quote_toml(text), text};
  const bool counts = is_number(type) || type == SettingType::address;
  if (counts) {
    if (const auto number = whole<std::int64_t>(text)) raw.value = *number;
  } else if (type == SettingType::floating) {
    if (const auto number = whole<double>(text)) raw.value = *number;
  }
  return raw;
}

Result<SettingSpec> to_spec(const Row& row) {
  const auto fail = [&](std::string_view text) {
    return Error{fmt::format("setting '{}' of its entry {}", row.key, text)};
  };
  SettingSpec spec;
  spec.key = row.key;
  spec.help = row.help;
  spec.reloadable = (row.raw.flags & KEEL_SETTING_RELOADABLE) != 0;
  spec.secret = (row.raw.flags & KEEL_SETTING_SECRET) != 0;
  spec.required = (row.raw.flags & KEEL_SETTING_REQUIRED) != 0;
  const auto type = setting_type(row.raw.type);
  if (!type) return fail(fmt::format("has the type {}; there are 1 to 10", row.raw.type));
  spec.type = *type;
  const bool bounded = row.raw.min != 0 || row.raw.max != 0;
  if (is_number(*type) && bounded) {
    if (row.raw.min > row.raw.max) return fail("has a min above its max");
    spec.min = row.raw.min;
    spec.max = row.raw.max;
  } else if (*type == SettingType::integer) {
    spec.min = std::numeric_limits<std::int64_t>::min();
  }
  spec.low = std::numeric_limits<double>::lowest();
  spec.high = std::numeric_limits<double>::max();
  if (row.raw.unit_ms < 0) return fail("has a negative unit_ms; 0 is seconds");
  if (row.raw.unit_ms != 0) spec.unit_ms = row.raw.unit_ms;
  if (*type == SettingType::choice || (*type == SettingType::strings && row.choices)) {
    auto choices = split_choices(row.choices.value_or(""));
    if (!choices) return fail("needs choices, different ones with '|' between them");
    spec.choices = std::move(*choices);
  } else if (row.choices) {
    return fail("has choices, which are for KEEL_SETTING_CHOICE");
  }
  if (!row.fallback) return spec;
  if (spec.required) return fail("is required and has a default; drop one of the two");
  if (*type == SettingType::table) return fail("is a table, which has no default");
  auto value = convert(spec, raw_fallback(*type, *row.fallback));
  if (!value) return fail(fmt::format("has a default that {}", value.error()));
  spec.fallback = std::move(*value);
  return spec;
}

// Keys that say the same, or lie in another's table.
Result<void> check_keys(const std::vector<SettingSpec>& specs) {
  std::set<std::string> seen;
  for (const auto& spec : specs) {
    if (!seen.insert(spec.key).second) {
      return Error{fmt::format("its entry has the setting '{}' twice", spec.key)};
    }
  }
  for (const auto& table : specs) {
    if (table.type != SettingType::table) continue;
    const auto next = seen.lower_bound(table.key + '.');
    if (next != seen.end() && next->starts_with(table.key + '.')) {
      return Error{
          fmt::format("setting '{}' of its entry lies in the table '{}'", *next, table.key)};
    }
  }
  return {};
}

Result<std::shared_ptr<const Schema>> read_settings(const Peek& peek, const keel_setting* settings,
                                                    std::uint32_t count) {
  std::vector<SettingSpec> specs;
  if (count > kMaxSettings) {
    return Error{
        fmt::format("its entry says it has {} settings; there can be {}", count, kMaxSettings)};
  }
  // Each struct is as long as its writer's, the same for all.
  std::uint32_t stride = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const void* const at = further(settings, std::size_t{i} * stride);
    const auto size = settings == nullptr ? std::nullopt : peek.object<std::uint32_t>(at);
    if (!size || *size < kSettingSize || *size > kMaxStruct || *size % alignof(keel_setting) != 0 ||
        (i != 0 && *size != stride)) {
      return Error{
          fmt::format("setting {} of its entry is no keel_setting; set `size` and "
                      "settings_count right",
                      i + 1)};
    }
    stride = *size;
    const auto row = read_row(peek, at, i);
    if (!row) return Error{row.error()};
    auto spec = to_spec(*row);
    if (!spec) return Error{spec.error()};
    specs.push_back(std::move(*spec));
  }
  if (auto keys = check_keys(specs); !keys) return Error{keys.error()};
  return std::make_shared<const Schema>(std::move(specs));
}

Result<void> check_info(const Peek& peek, const keel_plugin_info* info, const Manifest& manifest) {
  const auto size =
      info == nullptr ? std::nullopt
                      : peek.object<std::uint32_t>(further(info, offsetof(keel_plugin_info, size)));
  std::string bytes(std::min<std::size_t>(size.value_or(0), sizeof(keel_plugin_info)), '\0');
  if (bytes.empty() || !peek.copy(info, bytes.data(), bytes.size())) {
    return Error{"its entry's `info` points nowhere; let it point at the KEEL_PLUGIN_INFO"};
  }
  const auto twin = parse_plugin_info(bytes, "its entry's `info`");
  if (!twin) return Error{twin.error()};
  const bool same = twin->name == manifest.name && twin->version == manifest.version &&
                    twin->summary == manifest.summary && twin->depends == manifest.depends &&
                    twin->stamp == manifest.stamp && twin->flags == manifest.flags &&
                    twin->abi_major == manifest.abi_major && twin->abi_minor == manifest.abi_minor;
  if (same) return {};
  return Error{
      fmt::format("its entry's `info` is not its section .keel.plugin ({} {}, not {} {}); let it "
                  "point at the KEEL_PLUGIN_INFO, or load it again if the file just changed",
                  twin->name, twin->version, manifest.name, manifest.version)};
}

// The entry as far as its writer knew it.
Result<keel_plugin_entry> read_entry(const Peek& peek, const keel_plugin_entry* entry) {
  const auto size = peek.object<std::uint32_t>(entry);
  if (!size || *size < kEntrySize || *size > kMaxStruct) {
    return Error{
        fmt::format("its entry has the size {}, not {}; set `size` to "
                    "sizeof(keel_plugin_entry)",
                    size.value_or(0), sizeof(keel_plugin_entry))};
  }
  keel_plugin_entry copy{};
  if (!peek.copy(entry, &copy, std::min<std::size_t>(*size, sizeof copy))) {
    return Error{"its entry ends where there is no memory; build it again"};
  }
  return copy;
}

}  // namespace

Result<void> check_entry(const keel_plugin_entry* entry, const Manifest& manifest) {
  const Peek peek;
  const auto copy = read_entry(peek, entry);
  if (!copy) return Error{copy.error()};
  if (copy->magic != KEEL_ENTRY_MAGIC) {
    return Error{fmt::format("its entry has the magic {:#x}, not {:#x}; set it to KEEL_ENTRY_MAGIC",
                             copy->magic, KEEL_ENTRY_MAGIC)};
  }
  if (auto info = check_info(peek, copy->info, manifest); !info) return info;
  if (copy->create == nullptr) return Error{"its entry has no create(); write one"};
  if (!is_mapped_code(reinterpret_cast<const void*>(copy->create))) {
    return Error{"its entry's create() is not code; build it again"};
  }
  const auto schema = read_settings(peek, copy->settings, copy->settings_count);
  if (!schema) return Error{schema.error()};
  return {};
}

Result<std::shared_ptr<const Schema>> schema_from_entry(const keel_plugin_entry* entry) {
  const Peek peek;
  const auto copy = read_entry(peek, entry);
  if (!copy) return Error{copy.error()};
  return read_settings(peek, copy->settings, copy->settings_count);
}

Result<std::shared_ptr<const Schema>> schema_from_settings(const keel_setting* settings,
                                                           std::uint32_t count) {
  return read_settings(Peek(), settings, count);
}

}  // namespace keel::kernel
