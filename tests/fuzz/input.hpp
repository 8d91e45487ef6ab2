// A fuzzer's input as a sequence of decisions: what is asked for behind its end is 0, or empty.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keel::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  bool more() const { return left_ != 0; }
  std::uint8_t octet() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  template <class T, std::size_t N>
  const T& pick(const T (&from)[N]) {
    return from[octet() % N];
  }
  std::string_view take(std::size_t most) {
    const std::size_t n = std::min(most, left_);
    const std::string_view out(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    left_ -= n;
    return out;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

}  // namespace keel::fuzz
