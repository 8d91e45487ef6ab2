// A path of the LwM2M model: /object/instance/resource/resource-instance [LwM2M 1.1 core 7.2.1].
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lwm2m {

inline constexpr std::uint16_t kMaxId = 65534;  // 65535 is reserved

// 0 to 4 numbers of 0..kMaxId; depth 0 is the root.
struct Path {
  std::uint8_t depth = 0;
  std::uint16_t ids[4] = {};  // those behind the depth are 0

  std::uint16_t object() const { return ids[0]; }
  std::uint16_t instance() const { return ids[1]; }
  std::uint16_t resource() const { return ids[2]; }
  std::uint16_t resource_instance() const { return ids[3]; }
  // One deeper; depth must be below 4.
  Path with(std::uint16_t id) const {
    Path out = *this;
    out.ids[out.depth++] = id;
    return out;
  }
  Path up_to(std::uint8_t depth_wanted) const {
    Path out;
    for (; out.depth < depth_wanted && out.depth < depth; ++out.depth)
      out.ids[out.depth] = ids[out.depth];
    return out;
  }
  bool covers(const Path& other) const { return other.up_to(depth) == *this; }
  std::string text() const;  // "/3/0/9"; "/" for the root

  auto operator<=>(const Path&) const = default;
};

// "/3/0/9", "3/0/9", "/3/0/9/"; the root is "/" or "". None: anything else, also "/03" and "//".
std::optional<Path> parse_path(std::string_view text);

}  // namespace lwm2m
