#include "kernel/config/schema.hpp"

#include <algorithm>

namespace keel::kernel {

namespace {

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::size_t parts) {
  for (std::size_t i = 0; i < parts; ++i) {
    if (pattern[i] != "*" && pattern[i] != path[i]) return false;
  }
  return true;
}

std::string join(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) all.append(all.empty() ? "" : ".").append(part);
  return all;
}

// `pattern` with its names taken from `path` where that has them.
std::vector<std::string> named(std::vector<std::string> pattern,
                               const std::vector<std::string>& path) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == "*") pattern[i] = i < path.size() ? path[i] : "<name>";
  }
  return pattern;
}

}  // namespace

Schema::Schema(std::vector<SettingSpec> specs) : specs_(std::move(specs)) {
  paths_.reserve(specs_.size());
  for (const auto& spec : specs_) paths_.push_back(split_path(spec.key));
}

const SettingSpec* Schema::find(const std::vector<std::string>& path) const {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const std::size_t parts = paths_[i].size();
    const std::size_t wanted = specs_[i].type == SettingType::table ? parts + 1 : parts;
    if (wanted == path.size() && matches(paths_[i], path, parts)) return &specs_[i];
  }
  return nullptr;
}

bool Schema::is_section(const std::vector<std::string>& path) const {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const bool names_below = specs_[i].type == SettingType::table;
    if (paths_[i].size() + (names_below ? 1 : 0) > path.size() &&
        matches(paths_[i], path, path.size())) {
      return true;
    }
  }
  return false;
}

std::string Schema::suggest(const std::vector<std::string>& path) const {
  std::vector<std::string> candidates;
  for (const auto& pattern : paths_) candidates.push_back(join(named(pattern, path)));
  if (auto near = nearest(join(path), candidates); !near.empty()) return near;
  // The right key in the wrong place.
  for (const auto& pattern : paths_) {
    if (pattern.back() == path.back()) return join(named(pattern, {}));
  }
  return {};
}

std::string Schema::suggest_section(const std::vector<std::string>& path) const {
  std::vector<std::string> candidates;
  for (const auto& pattern : paths_) {
    auto section = named(pattern, path);
    section.pop_back();
    candidates.push_back(join(section));
  }
  return nearest(join(path), candidates);
}

std::vector<std::string> split_path(std::string_view key) {
  std::vector<std::string> path;
  for (;;) {
    const auto dot = key.find('.');
    path.emplace_back(key.substr(0, dot));
    if (dot == std::string_view::npos) return path;
    key.remove_prefix(dot + 1);
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kMaxWord = 100;
  if (word.size() > kMaxWord) return {};
  std::string best;
  std::size_t least = std::min<std::size_t>(3, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace keel::kernel
