#include "kernel/config/schema_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keel::kernel {

namespace {

std::string unknown_key(const Schema& schema, const std::vector<std::string>& path,
                        std::string_view manual) {
  const auto meant = schema.suggest(path);
  if (!meant.empty())
    return fmt::format("unknown key '{}'; did you mean '{}'?", dotted(path), meant);
  return fmt::format("unknown key '{}'; remove it, or see {} for the keys there are", dotted(path),
                     manual);
}

std::string unknown_section(const Schema& schema, const std::vector<std::string>& path,
                            std::string_view manual) {
  const auto meant = schema.suggest_section(path);
  if (!meant.empty()) {
    return fmt::format("unknown section [{}]; did you mean [{}]?", dotted(path), meant);
  }
  return fmt::format("unknown section [{}]; remove it, or see {} for the sections there are",
                     dotted(path), manual);
}

// Names end up in messages, commands and file names, so they are kept plain.
bool is_plain(const std::vector<std::string>& path) {
  constexpr std::size_t kMaxName = 64;
  return std::all_of(path.begin(), path.end(), [](const std::string& part) {
    return part.size() <= kMaxName && dotted({part}) == part;
  });
}

// Names in a table are the plugin's own affair, as long as they can be shown.
bool is_plain_table(const std::vector<std::string>& path) {
  constexpr std::size_t kMaxName = 1024;
  const auto& name = path.back();
  return is_plain({path.begin(), path.end() - 1}) && !name.empty() && name.size() <= kMaxName &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// Whether the setting is a text, or was written as one.
bool is_text(SettingType type, const Value& written) {
  switch (type) {
    case SettingType::string:
    case SettingType::strings:
    case SettingType::choice:
    case SettingType::table:
      return true;
    default:
      return std::holds_alternative<std::string>(written);
  }
}

class Checker {
 public:
  Checker(const Schema& schema, KnownElsewhere elsewhere, Problems& problems,
          std::string_view manual)
      : schema_(schema), elsewhere_(elsewhere), problems_(problems), manual_(manual) {}

  void check(Entry& entry) {
    if (entry.kind == Entry::Kind::value) {
      check_value(entry);
    } else if (schema_.is_section(entry.path)) {
      if (!is_plain(entry.path)) return refuse_name(entry);
      checked.push_back({nullptr, std::move(entry.path), {}, std::move(entry.key_at)});
    } else if (entry.kind == Entry::Kind::empty_section) {
      refuse(entry, [&] { return unknown_section(schema_, entry.path, manual_); });
    }  // else its keys are refused one by one
  }

  std::vector<CheckedSetting> checked;

 private:
  void check_value(Entry& entry) {
    const auto* spec = schema_.find(entry.path);
    if (spec == nullptr && schema_.is_section(entry.path)) {
      problems_.add(entry.key_at,
                    fmt::format("'{0}' is a section, not a key; write [{0}] and its keys "
                                "below",
                                dotted(entry.path)));
    } else if (spec == nullptr) {
      refuse(entry, [&] { return unknown_key(schema_, entry.path, manual_); });
    } else if (spec->type == SettingType::table ? !is_plain_table(entry.path)
                                                : !is_plain(entry.path)) {
      refuse_name(entry);
    } else if (auto value = convert(*spec, entry.raw); !value) {
      problems_.add(entry.value_at, fmt::format("'{}' {}", dotted(entry.path), value.error()));
    } else {
      const bool bare = entry.raw.bare && is_text(spec->type, entry.raw.value);
      checked.push_back(
          {spec, std::move(entry.path), std::move(*value), std::move(entry.value_at), bare});
    }
  }

  void refuse_name(const Entry& entry) {
    problems_.add(entry.key_at, fmt::format("the name in '{}' is not plain; use up to 64 letters, "
                                            "digits, '-' and '_'",
                                            dotted(entry.path)));
  }

  template <class Otherwise>
  void refuse(const Entry& entry, Otherwise otherwise) {
    if (problems_.full()) return problems_.add({}, {});  // counted only
    const auto known = elsewhere_(entry.path);
    problems_.add(entry.key_at,
                  known ? fmt::format("'{}' {}", dotted(entry.path), *known) : otherwise());
  }

  const Schema& schema_;
  KnownElsewhere elsewhere_;
  Problems& problems_;
  std::string_view manual_;
};

}  // namespace

std::vector<CheckedSetting> check_entries(const Schema& schema, std::vector<Entry> entries,
                                          KnownElsewhere elsewhere, Problems& problems,
                                          std::string_view manual) {
  Checker checker(schema, elsewhere, problems, manual);
  for (auto& entry : entries) checker.check(entry);
  return std::move(checker.checked);
}

}  // namespace keel::kernel
