#include "emqx_store/run/watermarks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "keel/ext/store.h"

namespace emqx_store {
namespace {

constexpr std::uint32_t kLevels = KEEL_STORE_FULL;
constexpr double kMoreFree = 1.1;   // times a mark, until it no longer counts
constexpr double kLessUsed = 0.97;  // likewise
constexpr std::array<double, kLevels> kOfMaxSize{0.9, 0.95, 1.0};

// The first mark that holds, from the strictest on.
template <class Passed>
std::uint32_t level_of(Passed passed, std::uint32_t before) {
  for (std::uint32_t level = kLevels; level > 0; --level) {
    if (passed(level - 1, before >= level)) return level;
  }
  return KEEL_STORE_FINE;
}

std::uint32_t disk_level(const Watermarks& marks, const DiskSpace& space, std::uint32_t before) {
  return level_of(
      [&](std::uint32_t mark, bool was) {
        const double least = marks.min_free[mark].of(space.total);
        return static_cast<double>(space.free) < (was ? least * kMoreFree : least);
      },
      before);
}

std::uint32_t store_level(const Watermarks& marks, const DiskSpace& space, std::uint32_t before) {
  if (marks.max_size == 0) return KEEL_STORE_FINE;
  return level_of(
      [&](std::uint32_t mark, bool was) {
        const double most = kOfMaxSize[mark] * static_cast<double>(marks.max_size);
        return static_cast<double>(space.used) >= (was ? most * kLessUsed : most);
      },
      before);
}

}  // namespace

std::optional<Amount> Amount::parse(std::string_view text) {
  Amount out;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.value);
  if (error != std::errc() || !std::isfinite(out.value) || out.value < 0) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit == "%") {
    out.percent = true;
    return out.value <= 100 ? std::optional(out) : std::nullopt;
  }
  constexpr std::array<std::string_view, 5> kUnits{"B", "KB", "MB", "GB", "TB"};
  if (unit.empty()) return out;
  double factor = 1;
  for (const std::string_view known : kUnits) {
    if (unit == known) {
      out.value *= factor;
      return out;
    }
    factor *= 1024;
  }
  return std::nullopt;
}

double Amount::of(std::uint64_t total) const {
  return percent ? value / 100 * static_cast<double>(total) : value;
}

bool operator==(const Amount& a, const Amount& b) {
  return a.percent == b.percent && !(a.value < b.value) && !(b.value < a.value);
}

std::uint32_t space_level(const Watermarks& marks, const DiskSpace& space, std::uint32_t before) {
  return std::max(disk_level(marks, space, before), store_level(marks, space, before));
}

std::string space_text(const Watermarks& marks, const DiskSpace& space,
                       const std::string& directory) {
  if (store_level(marks, space, KEEL_STORE_FULL) > disk_level(marks, space, KEEL_STORE_FULL)) {
    return "the store takes " + size_text(space.used) +
           " of store.max_size = " + size_text(marks.max_size) +
           ": let clients fetch what waits for them, or raise it";
  }
  return "the disk of " + directory + " has " + size_text(space.free) +
         " left: free some, or lower store.min_free";
}

std::string size_text(std::uint64_t octets) {
  constexpr std::array<const char*, 5> kUnits{"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(octets);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

}  // namespace emqx_store
