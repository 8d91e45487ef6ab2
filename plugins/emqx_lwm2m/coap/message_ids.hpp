// Hands out the ids of our messages to one peer: none again within its lifetime [RFC 7252 4.4].
// The 65 536 ids are used in order; of each eighth is known when it was last used.
#pragma once

#include <cstdint>
#include <optional>

namespace coap {

class MessageIds {
 public:
  explicit MessageIds(std::uint16_t begin) : next_(begin) {}

  // None: the next ones have been used less than `lifetime_ms` ago.
  std::optional<std::uint16_t> take(std::int64_t now_ms, std::uint32_t lifetime_ms);
  // When take() gives one.
  std::int64_t free_at(std::uint32_t lifetime_ms) const;

  std::uint16_t next() const { return next_; }
  void begin_at(std::uint16_t next) { next_ = next; }

 private:
  static constexpr unsigned kEighths = 8, kShift = 13;

  std::uint16_t next_;
  std::uint32_t used_s_[kEighths] = {};  // rounded up; 0: never
};

}  // namespace coap
