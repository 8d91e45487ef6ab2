#include "emqx_acl/signature.hpp"

#include <algorithm>
#include <functional>

namespace emqx_acl {
namespace {

std::uint32_t hash(std::string_view text) {
  const auto h = static_cast<std::uint32_t>(std::hash<std::string_view>()(text));
  return h == 0 ? 1 : h;
}

std::uint16_t depth(std::size_t levels) {
  return static_cast<std::uint16_t>(std::min<std::size_t>(levels, 60'000));
}

}  // namespace

Signature::Signature(const Topic& topic) : whole_(hash(topic.text())) {
  const auto levels = topic.levels();
  depth_ = depth(levels.size());
  open_ = levels.back() == "#";
  for (std::size_t i = 0; i < std::min(levels.size(), kLevels); ++i) {
    if (levels[i] != "+" && levels[i] != "#") levels_[i] = hash(levels[i]);
  }
}

Signature::Signature(const TopicPattern& pattern) : literal_(pattern.is_literal()) {
  if (literal_) {
    whole_ = hash(pattern.words());
    return;
  }
  depth_ = depth(pattern.depth());
  open_ = pattern.open();
  for (std::size_t i = 0; i < std::min(pattern.depth(), kLevels); ++i) {
    if (const auto text = pattern.plain_level(i)) levels_[i] = hash(*text);
  }
}

}  // namespace emqx_acl
