// What keel/fake/settings.hpp declares: the table config and the checks of values. See
// keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/settings.hpp"

namespace keel::fake {

// A number with a unit behind it, "15m" or "64KB", in units of the table; nullopt: nonsense.
struct Unit {
  const char* name;
  double factor;
};
inline std::optional<std::int64_t> with_unit(const std::string& text, double bare,
                                             std::initializer_list<Unit> units) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || number < 0) return std::nullopt;
  const std::string_view name = trim(end);
  if (name.empty()) return static_cast<std::int64_t>(number * bare);
  for (const Unit& unit : units) {
    if (name == unit.name) return static_cast<std::int64_t>(number * unit.factor);
  }
  return std::nullopt;
}
inline std::optional<std::int64_t> to_duration_ms(const std::string& text, std::int64_t bare) {
  return with_unit(text, bare ? static_cast<double>(bare) : 1000,
                   {{"ms", 1}, {"s", 1000}, {"m", 60e3}, {"h", 3600e3}, {"d", 86400e3}});
}
inline std::optional<std::int64_t> to_size(const std::string& text) {
  return with_unit(text, 1,
                   {{"B", 1}, {"KB", 1024}, {"MB", 1024. * 1024}, {"GB", 1024. * 1024 * 1024}});
}

KEEL_FAKE_FN void Settings::set(const std::string& key, const std::string& value) {
  for (auto& [have, old] : values_) {
    if (have == key) {
      old = value;
      return;
    }
  }
  values_.emplace_back(key, value);
}

KEEL_FAKE_FN void Settings::unset(const std::string& key) {
  std::erase_if(values_, [&](const auto& entry) { return entry.first == key; });
}

KEEL_FAKE_FN void Settings::set_all(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = trim(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), text.find('\n') == std::string_view::npos
                                                 ? text.size()
                                                 : text.find('\n') + 1));
    const std::size_t cut = line.find('=');
    if (line.empty() || line[0] == '#' || cut == std::string_view::npos) continue;
    set(std::string(trim(line.substr(0, cut))), unquote(trim(line.substr(cut + 1))));
  }
}

KEEL_FAKE_FN std::string Settings::check(const keel_plugin_entry& entry) const {
  for (const auto& [key, value] : values_) {
    const keel_setting* const setting = schema(entry, key);
    if (!setting) return concat(key, ": unknown setting");
    if (std::string wrong = check(*setting, value); !wrong.empty()) return key + ": " + wrong;
  }
  for (std::uint32_t i = 0; i < entry.settings_count; ++i) {
    const keel_setting& setting = entry.settings[i];
    if (setting.flags & KEEL_SETTING_REQUIRED) {
      for (const std::string& key : expand(entry, setting.key)) {
        const bool there = setting.type == KEEL_SETTING_TABLE ? !names_below(entry, key).empty()
                                                              : value(key) != nullptr;
        if (!there) return key + ": must be set";
      }
    }
    if (setting.fallback) {
      if (std::string wrong = check(setting, setting.fallback); !wrong.empty()) {
        return concat(setting.key, ": its default: ", wrong);
      }
    }
  }
  return {};
}

KEEL_FAKE_FN void Settings::restore(std::vector<std::pair<std::string, std::string>> values) {
  values_ = std::move(values);
}

KEEL_FAKE_FN const keel_ext_config& Settings::config_table() {
  struct F {
    static keel_status get_bool(const keel_host* host, const char* key, std::int32_t* out) {
      return get(host, key, {KEEL_SETTING_BOOL}, [&](const std::string& text, auto&) {
        *out = text == "true" || text == "on" || text == "yes" || text == "1" ? 1 : 0;
      });
    }
    static keel_status get_int(const keel_host* host, const char* key, std::int64_t* out) {
      return get(host, key, {KEEL_SETTING_INT},
                 [&](const std::string& text, auto&) { *out = std::atoll(text.c_str()); });
    }
    static keel_status get_float(const keel_host* host, const char* key, double* out) {
      return get(host, key, {KEEL_SETTING_FLOAT, KEEL_SETTING_INT},
                 [&](const std::string& text, auto&) { *out = std::atof(text.c_str()); });
    }
    static keel_status get_str(const keel_host* host, const char* key, keel_sink out) {
      return get(
          host, key,
          {KEEL_SETTING_STRING, KEEL_SETTING_CHOICE, KEEL_SETTING_ADDRESS, KEEL_SETTING_TABLE},
          [&](const std::string& text, auto&) { put(out, text); });
    }
    static keel_status get_duration(const keel_host* host, const char* key, std::int64_t* out) {
      return get(host, key, {KEEL_SETTING_DURATION},
                 [&](const std::string& text, const keel_setting& setting) {
                   *out = to_duration_ms(text, setting.unit_ms).value_or(0);
                 });
    }
    static keel_status get_size(const keel_host* host, const char* key, std::uint64_t* out) {
      return get(host, key, {KEEL_SETTING_SIZE}, [&](const std::string& text, auto&) {
        *out = static_cast<std::uint64_t>(to_size(text).value_or(0));
      });
    }
    static keel_status count(const keel_host* host, const char* key, std::uint32_t* out) {
      return get(host, key, {KEEL_SETTING_STRINGS}, [&](const std::string& text, auto&) {
        *out = static_cast<std::uint32_t>(list(text).size());
      });
    }
    static keel_status at(const keel_host* host, const char* key, std::uint32_t index,
                          keel_sink out) {
      keel_status status = KEEL_OK;
      const keel_status got =
          get(host, key, {KEEL_SETTING_STRINGS}, [&](const std::string& text, auto&) {
            const auto items = list(text);
            index < items.size() ? put(out, items[index]) : void(status = KEEL_E_NOENT);
          });
      return got == KEEL_OK ? status : got;
    }
    static keel_status keys(const keel_host* host, const char* table, keel_sink out) {
      for (const std::string& name : of(host).names_below(*instance(host).entry, table)) {
        put(out, name);
      }
      return KEEL_OK;
    }
    static void fail(const keel_host* host, const char* key, keel_str text) {
      of(host).config_failures.push_back(concat(key, ": ", text));
    }
    static keel_status path(const keel_host* host, keel_str text, keel_sink out) {
      const std::string_view given = view(text);
      put(out, given.starts_with('/') ? std::string(given) : concat(of(host).base_dir, '/', given));
      return KEEL_OK;
    }
  };
  static const keel_ext_config table{
      sizeof table, 0,        F::get_bool, F::get_int, F::get_float, F::get_str, F::get_duration,
      F::get_size,  F::count, F::at,       F::keys,    F::fail,      F::path};
  return table;
}

KEEL_FAKE_FN const std::string* Settings::value(std::string_view key) const {
  for (const auto& entry : values_) {
    if (entry.first == key) return &entry.second;
  }
  return nullptr;
}

KEEL_FAKE_FN Settings::Parts Settings::parts(std::string_view key) {
  Parts out;
  for (std::size_t cut; (cut = key.find('.')) != std::string_view::npos;) {
    out.push_back(key.substr(0, cut));
    key.remove_prefix(cut + 1);
  }
  out.push_back(key);
  return out;
}

KEEL_FAKE_FN const keel_setting* Settings::schema(const keel_plugin_entry& entry,
                                                  std::string_view key) {
  const Parts have = parts(key);
  const keel_setting* table = nullptr;
  for (std::uint32_t i = 0; i < entry.settings_count; ++i) {
    const keel_setting& setting = entry.settings[i];
    const Parts want = parts(setting.key);
    const bool begins =
        want.size() <= have.size() &&
        std::equal(want.begin(), want.end(), have.begin(),
                   [](auto part, auto name) { return part == "*" || part == name; });
    if (begins && want.size() == have.size()) return &setting;
    if (begins && setting.type == KEEL_SETTING_TABLE && !table) table = &setting;
  }
  return table;
}

KEEL_FAKE_FN std::vector<std::string> Settings::names_below(const keel_plugin_entry& entry,
                                                            std::string_view table) const {
  std::vector<std::string> out;
  const std::size_t place = parts(table).size();
  for (const auto& set : values_) {
    const keel_setting* const setting = schema(entry, set.first);
    if (!setting || !set.first.starts_with(concat(table, '.'))) continue;
    const Parts want = parts(setting->key);
    if (want.size() < place || (want.size() > place && want[place] != "*")) continue;
    const std::string name(parts(set.first)[place]);
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  }
  return out;
}

KEEL_FAKE_FN std::vector<std::string> Settings::expand(const keel_plugin_entry& entry,
                                                       std::string_view key) const {
  std::vector<std::string> out{""};
  for (const std::string_view part : parts(key)) {
    std::vector<std::string> longer;
    for (const std::string& begin : out) {
      const std::string start = begin.empty() ? begin : begin + '.';
      if (part != "*") {
        longer.push_back(concat(start, part));
        continue;
      }
      for (const std::string& name : names_below(entry, begin)) longer.push_back(start + name);
    }
    out = std::move(longer);
  }
  return out;
}

KEEL_FAKE_FN std::string Settings::check(const keel_setting& setting, const std::string& text) {
  std::optional<std::int64_t> number;
  switch (setting.type) {
    case KEEL_SETTING_BOOL:
      for (const char* word : {"true", "false", "on", "off", "yes", "no", "1", "0"}) {
        if (text == word) return {};
      }
      return "is neither true nor false";
    case KEEL_SETTING_INT: {
      char* end = nullptr;
      number = std::strtoll(text.c_str(), &end, 10);
      if (text.empty() || *end != 0) return "is no integer";
      break;
    }
    case KEEL_SETTING_FLOAT: {
      char* end = nullptr;
      static_cast<void>(std::strtod(text.c_str(), &end));
      return text.empty() || *end != 0 ? "is no number" : "";
    }
    case KEEL_SETTING_DURATION:
      number = to_duration_ms(text, setting.unit_ms);
      if (!number) return "is no duration";
      break;
    case KEEL_SETTING_SIZE:
      number = to_size(text);
      if (!number) return "is no size";
      break;
    case KEEL_SETTING_CHOICE:
      return concat('|', setting.choices, '|').find(concat('|', text, '|')) == std::string::npos
                 ? concat("must be one of ", setting.choices)
                 : "";
    default:
      return {};
  }
  const bool bounded = setting.min != 0 || setting.max != 0;
  if (bounded && (*number < setting.min || *number > setting.max)) {
    return concat("must be between ", setting.min, " and ", setting.max);
  }
  return {};
}

KEEL_FAKE_FN std::string Settings::unquote(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return std::string(quoted ? text.substr(1, text.size() - 2) : text);
}

KEEL_FAKE_FN std::vector<std::string> Settings::list(std::string_view text) {
  std::vector<std::string> out;
  text = trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  while (!trim(text).empty()) {
    const std::size_t cut = std::min(text.find(','), text.size());
    out.push_back(unquote(trim(text.substr(0, cut))));
    text.remove_prefix(std::min(text.size(), cut + 1));
  }
  return out;
}

}  // namespace keel::fake
