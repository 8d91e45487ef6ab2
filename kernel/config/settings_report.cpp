// Settings shown to people: what holds, and what a reload would change.
#include <fmt/format.h>

#include <algorithm>

#include "kernel/config/kernel_schema.hpp"
#include "kernel/config/kernel_settings.hpp"

namespace keel::kernel {

namespace {

constexpr std::string_view kMaskedToml = "\"***\"";
constexpr std::string_view kAbsent = "(none)";

enum class Kind : std::uint8_t { plain, tls, listener };

Kind kind_of(const SettingSpec& spec) {
  if (spec.key.starts_with("tls.")) return Kind::tls;
  return spec.key.starts_with("listener.") ? Kind::listener : Kind::plain;
}

std::vector<std::string> names_of(const Settings& settings, Kind kind) {
  std::vector<std::string> names;
  if (kind == Kind::tls) {
    for (const auto& [name, tls] : settings.tls) names.push_back(name);
  } else if (kind == Kind::listener) {
    for (const auto& listener : settings.listeners) names.push_back(listener.name);
  } else {
    names.emplace_back();
  }
  return names;
}

bool has(const Settings& settings, Kind kind, const std::string& name) {
  const auto names = names_of(settings, kind);
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string key_of(const SettingSpec& spec, const std::string& name) {
  std::string key = spec.key;
  if (const auto star = key.find('*'); star != std::string::npos) key.replace(star, 1, name);
  return key;
}

std::string shown(const SettingSpec& spec, const Value& value) {
  if (!spec.secret) return print_value(spec, value);
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr && text->empty() ? "\"\"" : std::string(kMaskedToml);
}

// A listener or TLS section that came or went.
void add_section_changes(const Settings& before, const Settings& after, Kind kind,
                         std::vector<SettingChange>& changes) {
  const std::string prefix = kind == Kind::tls ? "tls." : "listener.";
  const auto value = [kind](const Settings& settings, const std::string& name) {
    const auto* listener = find_listener(settings, name);
    return kind == Kind::listener && listener != nullptr ? quote_toml(listener->bind) : "present";
  };
  for (const auto& name : names_of(before, kind)) {
    if (has(after, kind, name)) continue;
    changes.push_back({prefix + name, value(before, name), std::string(kAbsent), false});
  }
  for (const auto& name : names_of(after, kind)) {
    if (has(before, kind, name)) continue;
    changes.push_back({prefix + name, std::string(kAbsent), value(after, name), false});
  }
}

}  // namespace

std::vector<SettingChange> diff_settings(const Settings& before, const Settings& after) {
  std::vector<SettingChange> changes;
  const auto& schema = kernel_schema();
  for (const auto& spec : schema.specs()) {
    const Kind kind = kind_of(spec);
    for (const auto& name : names_of(before, kind)) {
      if (!has(after, kind, name)) continue;
      const auto& access = schema.access(spec);
      const Value old_value = access.get(before, name);
      const Value new_value = access.get(after, name);
      if (old_value == new_value) continue;
      changes.push_back(
          {key_of(spec, name), shown(spec, old_value), shown(spec, new_value), !spec.reloadable});
    }
  }
  add_section_changes(before, after, Kind::listener, changes);
  add_section_changes(before, after, Kind::tls, changes);
  return changes;
}

std::vector<SettingDescription> describe_settings(const Settings& settings) {
  std::vector<SettingDescription> list;
  const auto& schema = kernel_schema();
  for (const auto& spec : schema.specs()) {
    for (const auto& name : names_of(settings, kind_of(spec))) {
      const Value value = schema.access(spec).get(settings, name);
      list.push_back({key_of(spec, name), shown(spec, value), value == spec.fallback, spec.secret,
                      spec.reloadable, spec.help});
    }
  }
  return list;
}

}  // namespace keel::kernel
