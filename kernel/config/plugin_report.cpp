#include "kernel/config/plugin_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace keel::kernel {

namespace {

constexpr std::string_view kMasked = "******";

std::string shown(const PluginValues::Found& found) {
  if (found.value == nullptr || found.spec == nullptr) return "unset";
  if (found.spec->secret) return std::string(kMasked);
  return print_value(*found.spec, *found.value);
}

// The keys of one row of the schema that have, or could have, a value.
std::vector<std::string> keys_of(const PluginValues& values, const Schema& schema,
                                 const SettingSpec& spec) {
  auto keys = values.expand(schema.parts(spec));
  if (spec.type != SettingType::table) return keys;
  std::vector<std::string> inner;
  for (const auto& table : keys) {
    for (const auto& name : values.keys(table)) inner.push_back(table + '.' + name);
  }
  return inner;
}

bool same(const PluginValues::Found& a, const PluginValues::Found& b) {
  if (a.value == nullptr || b.value == nullptr) return a.value == b.value;
  return *a.value == *b.value;
}

// "auth.client.*.password" as somebody would write it.
std::string sample_key(const SettingSpec& spec) {
  std::string key = spec.key;
  for (auto star = key.find('*'); star != std::string::npos; star = key.find('*')) key[star] = '1';
  return spec.type == SettingType::table ? key + ".name" : key;
}

std::string example(const SettingSpec& spec) {
  if (!spec.example.empty()) return spec.example;
  if (spec.fallback != Value() && spec.type != SettingType::table) {
    return spec.secret && spec.fallback != Value(std::string()) ? quote_toml(kMasked)
                                                                : print_value(spec, spec.fallback);
  }
  switch (spec.type) {
    case SettingType::boolean:
      return "true";
    case SettingType::integer:
    case SettingType::octal:
      return fmt::format("{}", std::max<std::int64_t>(spec.min, 0));
    case SettingType::floating:
      return "1.0";
    case SettingType::string:
    case SettingType::table:
      return "\"text\"";
    case SettingType::strings:
      return "[\"a\", \"b\"]";
    case SettingType::duration:
      return "\"15s\"";
    case SettingType::size:
      return "\"64KB\"";
    case SettingType::choice:
      return quote_toml(spec.choices.front());
    case SettingType::address:
      return "\"127.0.0.1:1884\"";
  }
  return {};
}

bool has_default(const SettingSpec& spec) {
  return spec.fallback != Value() && spec.type != SettingType::table;
}

}  // namespace

std::vector<PluginSettingChange> diff_plugin_settings(const PluginValues& before,
                                                      const PluginValues& after) {
  std::vector<PluginSettingChange> changes;
  std::set<std::string> seen;
  const auto compare = [&](const Schema& schema, const SettingSpec& spec,
                           const PluginValues& values) {
    for (auto& key : keys_of(values, schema, spec)) {
      if (!seen.insert(key).second) continue;
      const auto old_value = before.find(key);
      const auto new_value = after.find(key);
      if (same(old_value, new_value)) continue;
      auto old_text = shown(old_value);
      auto new_text = shown(new_value);
      changes.push_back(
          {std::move(key), std::move(old_text), std::move(new_text), spec.reloadable});
    }
  };
  const auto* const old_schema = before.schema().get();
  const auto* const new_schema = after.schema().get();
  if (new_schema != nullptr) {
    for (const auto& spec : new_schema->specs()) {
      compare(*new_schema, spec, after);
      if (old_schema == new_schema) compare(*new_schema, spec, before);
    }
  }
  if (old_schema != nullptr && old_schema != new_schema) {
    for (const auto& spec : old_schema->specs()) compare(*old_schema, spec, before);
  }
  return changes;
}

std::vector<PluginSettingLine> show_plugin_settings(const PluginValues& values) {
  std::vector<PluginSettingLine> lines;
  const auto* const schema = values.schema().get();
  if (schema == nullptr) return lines;
  std::set<std::string_view> set;
  for (const auto& setting : values.set()) set.insert(setting.key);
  for (const auto& spec : schema->specs()) {
    for (auto& key : keys_of(values, *schema, spec)) {
      const bool is_set = set.contains(key);
      auto value = shown(values.find(key));
      auto at = is_set ? values.place(key) : std::string();
      lines.push_back({std::move(key), std::move(value), !is_set, spec.secret, std::move(at)});
    }
  }
  return lines;
}

std::vector<PluginSettingHelp> describe_schema(const Schema& schema) {
  std::vector<PluginSettingHelp> rows;
  for (const auto& spec : schema.specs()) {
    PluginSettingHelp row{spec.key,    expectation(spec), "unset",  spec.required,
                          spec.secret, spec.reloadable,   spec.help};
    if (spec.type == SettingType::table) row.takes = "any names, each with a text in \"quotes\"";
    if (spec.required) row.fallback = "required";
    if (has_default(spec)) row.fallback = spec.secret ? "******" : print_value(spec, spec.fallback);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> describe_schema_lines(const Schema& schema) {
  std::vector<std::string> lines;
  for (const auto& row : describe_schema(schema)) {
    std::string notes = row.required              ? "required"
                        : row.fallback == "unset" ? "no default"
                                                  : "default " + row.fallback;
    if (row.secret) notes += "; secret";
    if (!row.reloadable) notes += "; a change restarts the plugin";
    lines.push_back(fmt::format("{} - {}", row.key, row.help));
    lines.push_back(fmt::format("    takes {} ({})", row.takes, notes));
  }
  return lines;
}

std::string print_sample(const Schema& schema, std::string_view name, std::string_view summary) {
  std::string text = fmt::format(
      "# Settings of {0}: {1}.\n"
      "#\n"
      "# In TOML. Every key there is stands here; a line behind # shows the default.\n"
      "# `ctl plugins describe {0}` tells what each takes, `ctl plugins reload {0}` takes changes "
      "over.\n\n",
      name, summary);
  for (const auto& spec : schema.specs()) {
    const auto line = fmt::format("# {} = {}", sample_key(spec), example(spec));
    std::string note = spec.required ? " (required)" : has_default(spec) ? "" : " (not set)";
    text += fmt::format("{:<48}  # {}{}\n", line, spec.help, note);
  }
  return text;
}

}  // namespace keel::kernel
