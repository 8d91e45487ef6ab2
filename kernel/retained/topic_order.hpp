// The order in which retained topics are kept: bytes, with '/' below every other one. A level
// stands before its children, and everything below a level stands together right behind it. Topics
// hold no NUL.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace keel::kernel::topic_order {

inline int rank(char c) { return c == '/' ? 0 : static_cast<std::uint8_t>(c); }

// Below, equal to or above 0 as `a` stands before, at or behind `b`.
inline int compare(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  std::size_t i = 0;
  for (; i + 8 <= common; i += 8) {
    std::uint64_t left, right;
    std::memcpy(&left, a.data() + i, 8);
    std::memcpy(&right, b.data() + i, 8);
    if (left != right) break;
  }
  while (i < common && a[i] == b[i]) ++i;
  if (i < common) return rank(a[i]) - rank(b[i]);
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// The first key behind `topic`: before its children.
inline void key_behind(std::string_view topic, std::string& key) { key.assign(topic) += '/'; }

// The first key behind `level` and all of its children.
inline void key_behind_subtree(std::string_view level, std::string& key) {
  key.assign(level) += '\x01';
}

}  // namespace keel::kernel::topic_order
