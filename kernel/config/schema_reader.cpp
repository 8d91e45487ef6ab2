#include "kernel/config/schema_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace keel::kernel {

namespace {

std::string unknown_key(const Schema& schema, const std::vector<std::string>& path) {
  const auto meant = schema.suggest(path);
  if (!meant.empty())
    return fmt::format("unknown key '{}'; did you mean '{}'?", dotted(path), meant);
  return fmt::format("unknown key '{}'; remove it, or see keel.conf(5) for the keys there are",
                     dotted(path));
}

std::string unknown_section(const Schema& schema, const std::vector<std::string>& path) {
  const auto meant = schema.suggest_section(path);
  if (!meant.empty()) {
    return fmt::format("unknown section [{}]; did you mean [{}]?", dotted(path), meant);
  }
  return fmt::format(
      "unknown section [{}]; remove it, or see keel.conf(5) for the sections there are",
      dotted(path));
}

// Names end up in messages, commands and file names, so they are kept plain.
bool is_plain(const std::vector<std::string>& path) {
  constexpr std::size_t kMaxName = 64;
  return std::all_of(path.begin(), path.end(), [](const std::string& part) {
    return part.size() <= kMaxName && dotted({part}) == part;
  });
}

class Checker {
 public:
  Checker(const Schema& schema, KnownElsewhere elsewhere, Problems& problems)
      : schema_(schema), elsewhere_(elsewhere), problems_(problems) {}

  void check(Entry& entry) {
    if (entry.kind == Entry::Kind::value) {
      check_value(entry);
    } else if (schema_.is_section(entry.path)) {
      if (!is_plain(entry.path)) return refuse_name(entry);
      checked.push_back({nullptr, std::move(entry.path), {}, std::move(entry.key_at)});
    } else if (entry.kind == Entry::Kind::empty_section) {
      refuse(entry, [&] { return unknown_section(schema_, entry.path); });
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
      refuse(entry, [&] { return unknown_key(schema_, entry.path); });
    } else if (!is_plain(entry.path)) {
      refuse_name(entry);
    } else if (auto value = convert(*spec, entry.raw); !value) {
      problems_.add(entry.value_at, fmt::format("'{}' {}", dotted(entry.path), value.error()));
    } else {
      checked.push_back(
          {spec, std::move(entry.path), std::move(*value), std::move(entry.value_at)});
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
};

}  // namespace

std::vector<CheckedSetting> check_entries(const Schema& schema, std::vector<Entry> entries,
                                          KnownElsewhere elsewhere, Problems& problems) {
  Checker checker(schema, elsewhere, problems);
  for (auto& entry : entries) checker.check(entry);
  return std::move(checker.checked);
}

}  // namespace keel::kernel
