#include "emqx_acl/signature.hpp"

#include <algorithm>
#include <functional>

namespace emqx_acl {
namespace {

constexpr std::size_t kLevels = 4;

std::uint16_t depth(std::size_t levels) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(levels, 65'535));
}

}  // namespace

void Signature::note(std::size_t level, std::string_view text) {
  const std::uint64_t hash = std::hash<std::string_view>()(text) & 0xffff;
  words_ |= hash << (16 * level);
  mask_ |= std::uint64_t{0xffff} << (16 * level);
}

Signature::Signature(const Topic& topic)
    : whole_(static_cast<std::uint32_t>(std::hash<std::string_view>()(topic.text()))) {
  const auto levels = topic.levels();
  depth_ = depth(levels.size());
  open_ = levels.back() == "#";
  for (std::size_t i = 0; i < std::min(levels.size(), kLevels); ++i) {
    if (levels[i] != "+" && levels[i] != "#") note(i, levels[i]);
  }
}

Signature::Signature(const TopicPattern& pattern) : literal_(pattern.is_literal()) {
  if (literal_) {
    whole_ = static_cast<std::uint32_t>(std::hash<std::string_view>()(pattern.words()));
    return;
  }
  depth_ = depth(pattern.depth());
  open_ = pattern.open();
  for (std::size_t i = 0; i < std::min(pattern.depth(), kLevels); ++i) {
    if (const auto text = pattern.plain_level(i)) note(i, *text);
  }
}

}  // namespace emqx_acl
