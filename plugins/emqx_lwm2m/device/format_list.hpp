// A few content formats in the order they are to be tried, each once. A value.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace lwm2m {

class FormatList {
 public:
  void add(std::uint16_t format) {
    const auto all = view();
    if (count_ < items_.size() && std::find(all.begin(), all.end(), format) == all.end())
      items_[count_++] = format;
  }
  std::span<const std::uint16_t> view() const { return {items_.data(), count_}; }

 private:
  std::array<std::uint16_t, 8> items_ = {};
  std::uint8_t count_ = 0;
};

}  // namespace lwm2m
