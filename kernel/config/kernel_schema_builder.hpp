// Binds rows of the kernel's settings table to fields of `Settings`. Internal to kernel_schema.cpp.
#pragma once

#include <limits>
#include <optional>
#include <type_traits>

#include "kernel/config/kernel_schema.hpp"

namespace keel::kernel::schema_builder {

// Shapes: what a row needs beside key, field and help.
inline SettingSpec boolean() { return {.type = SettingType::boolean}; }
inline SettingSpec integer(std::int64_t min, std::int64_t max = 0xffffffff) {
  return {.type = SettingType::integer, .min = min, .max = max};
}
inline SettingSpec octal(std::int64_t max) { return {.type = SettingType::octal, .max = max}; }
inline SettingSpec floating(double low, double high) {
  return {.type = SettingType::floating, .low = low, .high = high};
}
inline SettingSpec text() { return {.type = SettingType::string}; }
inline SettingSpec filled_text() { return {.type = SettingType::string, .may_be_empty = false}; }
inline SettingSpec secret_text() { return {.type = SettingType::string, .secret = true}; }
inline SettingSpec list(std::vector<std::string> choices = {}) {
  const bool free = choices.empty();
  return {.type = SettingType::strings, .choices = std::move(choices), .may_be_empty = free};
}
inline SettingSpec choice(std::vector<std::string> choices) {
  return {.type = SettingType::choice, .choices = std::move(choices)};
}
inline SettingSpec size(std::int64_t min = 0,
                        std::int64_t max = std::numeric_limits<std::int64_t>::max()) {
  return {.type = SettingType::size, .min = min, .max = max};
}
// Of fields that end in _s and _ms.
inline SettingSpec seconds(std::int64_t min = 0, std::int64_t max = 0xffffffff) {
  return {.type = SettingType::duration, .min = min * 1000, .max = max * 1000, .step_ms = 1000};
}
inline SettingSpec millis(std::int64_t min_ms, std::int64_t max_ms) {
  return {.type = SettingType::duration, .min = min_ms, .max = max_ms};
}
inline SettingSpec address(SettingSpec spec = {}) {
  spec.type = SettingType::address;
  return spec;
}

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class Field>
Value read_field(const SettingSpec& spec, const Field& field) {
  if constexpr (IsOptional<Field>::value) {
    return field ? Value(*field) : Value();
  } else if constexpr (std::is_enum_v<Field>) {
    return spec.choices[static_cast<std::size_t>(field)];  // choices stand in the enum's order
  } else if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
    const auto number = static_cast<std::int64_t>(field);
    return spec.type == SettingType::duration ? number * spec.step_ms : number;
  } else {
    return field;
  }
}

template <class Field>
void write_field(const SettingSpec& spec, Field& field, const Value& value) {
  if constexpr (IsOptional<Field>::value) {
    field = std::get<typename Field::value_type>(value);
  } else if constexpr (std::is_enum_v<Field>) {
    const auto& word = std::get<std::string>(value);
    for (std::size_t i = 0; i < spec.choices.size(); ++i) {
      if (spec.choices[i] == word) field = static_cast<Field>(i);
    }
  } else if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
    const auto number = std::get<std::int64_t>(value);
    field = static_cast<Field>(spec.type == SettingType::duration ? number / spec.step_ms : number);
  } else {
    field = std::get<Field>(value);
  }
}

struct Table {
  std::vector<SettingSpec> specs;
  std::vector<SettingAccess> access;
};

// Rows of one section, whose fields live in a `Group`.
template <class Group>
class Section {
 public:
  using Find = const Group* (*)(const Settings&, std::string_view name);  // null: no such name
  using Make = Group& (*)(Settings&, std::string_view name);

  Section(Table& table, std::string prefix, Find find, Make make)
      : table_(table), prefix_(std::move(prefix)), find_(find), make_(make) {}

  template <class Field>
  Section& row(std::string_view key, Field Group::*member, SettingSpec spec, std::string help) {
    if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
      const std::int64_t scale = spec.type == SettingType::duration ? spec.step_ms : 1;
      if constexpr (sizeof(Field) < sizeof(std::int64_t)) {
        spec.max = std::min(spec.max, std::int64_t{std::numeric_limits<Field>::max()} * scale);
      }
    }
    SettingSpec bound = spec;  // the closures need choices and steps only
    return custom(
        key, std::move(spec), std::move(help),
        [bound, member](const Group& group) { return read_field(bound, group.*member); },
        [bound, member](Group& group, const Value& value) {
          write_field(bound, group.*member, value);
        });
  }

  // A key that is not one field.
  template <class Get, class Set>
  Section& custom(std::string_view key, SettingSpec spec, std::string help, Get get, Set set) {
    spec.key = prefix_ + '.' + std::string(key);
    spec.help = std::move(help);
    spec.fallback = get(Group{});
    table_.specs.push_back(std::move(spec));
    table_.access.push_back(
        {[find = find_, get](const Settings& settings, std::string_view name) {
           const Group* group = find(settings, name);
           return group != nullptr ? get(*group) : Value();
         },
         [make = make_, set](Settings& settings, std::string_view name, const Value& value) {
           set(make(settings, name), value);
         }});
    return *this;
  }

  // The rows so far, or the last one, need a restart.
  Section& all_need_restart() {
    for (auto& spec : table_.specs) {
      if (spec.key.starts_with(prefix_ + '.')) spec.reloadable = false;
    }
    return *this;
  }
  Section& needs_restart() {
    table_.specs.back().reloadable = false;
    return *this;
  }
  // What the sample file shows where the default depends on other things.
  Section& example(std::string value) {
    table_.specs.back().example = std::move(value);
    return *this;
  }

 private:
  Table& table_;
  std::string prefix_;
  Find find_;
  Make make_;
};

// A section that is a member of Settings.
template <auto Member>
auto section(Table& table, std::string prefix) {
  using Group = std::remove_reference_t<decltype(std::declval<Settings&>().*Member)>;
  return Section<Group>(
      table, std::move(prefix),
      [](const Settings& settings, std::string_view) { return &(settings.*Member); },
      [](Settings& settings, std::string_view) -> Group& { return settings.*Member; });
}

}  // namespace keel::kernel::schema_builder
