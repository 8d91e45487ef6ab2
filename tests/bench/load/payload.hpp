// What every message of a run carries: whose it is, its number there, when it was due; then filling
// up to the size asked for. All of it is checked on arrival.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace keel::load {

struct Stamp {
  std::uint32_t stream = 0;
  std::uint32_t run = 0;     // messages of another run are not ours
  std::uint64_t number = 0;  // below 2^32
  std::uint64_t time = 0;    // nanoseconds of the monotonic clock
};

class Payload {
 public:
  static constexpr std::size_t kLeast = 20;

  // A stamp as octets.
  class Head {
   public:
    explicit Head(const Stamp& stamp) {
      const auto number = static_cast<std::uint32_t>(stamp.number);
      std::memcpy(&octets_[0], &stamp.stream, 4);
      std::memcpy(&octets_[4], &stamp.run, 4);
      std::memcpy(&octets_[8], &number, 4);
      std::memcpy(&octets_[12], &stamp.time, 8);
    }
    operator std::string_view() const { return {octets_.data(), octets_.size()}; }

   private:
    std::array<char, kLeast> octets_;
  };

  explicit Payload(std::size_t size) : tail_(size - kLeast, '\0') {
    for (std::size_t i = 0; i < tail_.size(); ++i) tail_[i] = static_cast<char>('a' + i % 26);
  }

  std::string_view tail() const { return tail_; }
  static Head head(const Stamp& stamp) { return Head(stamp); }
  // False: this is not a payload of ours.
  bool read(std::string_view bytes, Stamp& stamp) const {
    if (bytes.size() != kLeast + tail_.size() || bytes.substr(kLeast) != tail_) return false;
    std::uint32_t number = 0;
    std::memcpy(&stamp.stream, &bytes[0], 4);
    std::memcpy(&stamp.run, &bytes[4], 4);
    std::memcpy(&number, &bytes[8], 4);
    std::memcpy(&stamp.time, &bytes[12], 8);
    stamp.number = number;
    return true;
  }

 private:
  std::string tail_;
};

}  // namespace keel::load
