// What every message of a run carries: whose it is, its number there, when it was due; then filling
// up to the size asked for. All of it is checked on arrival.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace keel::load {

struct Stamp {
  std::uint32_t stream = 0;
  std::uint32_t run = 0;  // messages of another run are not ours
  std::uint64_t number = 0;
  std::uint64_t time = 0;  // nanoseconds of the monotonic clock
};
static_assert(sizeof(Stamp) == 24);

class Payload {
 public:
  static constexpr std::size_t kLeast = sizeof(Stamp);

  explicit Payload(std::size_t size) : tail_(size - kLeast, '\0') {
    for (std::size_t i = 0; i < tail_.size(); ++i) tail_[i] = static_cast<char>('a' + i % 26);
  }

  std::string_view tail() const { return tail_; }
  static std::string_view head(const Stamp& stamp) {
    return {reinterpret_cast<const char*>(&stamp), sizeof stamp};
  }
  // False: this is not a payload of ours.
  bool read(std::string_view bytes, Stamp& stamp) const {
    if (bytes.size() != kLeast + tail_.size() || bytes.substr(kLeast) != tail_) return false;
    std::memcpy(&stamp, bytes.data(), sizeof stamp);
    return true;
  }

 private:
  std::string tail_;
};

}  // namespace keel::load
