// Reading and writing the octets of a row: big-endian numbers, and texts behind their length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "kernel/base/bytes.hpp"

namespace keel::kernel {

inline std::uint64_t load_be64(const char* at) {
  return std::uint64_t{load_be32(at)} << 32 | load_be32(at + 4);
}
inline char* store_be64(char* at, std::uint64_t value) {
  return store_be32(store_be32(at, static_cast<std::uint32_t>(value >> 32)),
                    static_cast<std::uint32_t>(value));
}
inline char* store_octets(char* at, std::string_view octets) {
  if (!octets.empty()) std::memcpy(at, octets.data(), octets.size());
  return at + octets.size();
}
inline constexpr std::size_t kTextLength = 4;  // octets of the length in front of a text
inline char* store_text(char* at, std::string_view text) {
  return store_octets(store_be32(at, static_cast<std::uint32_t>(text.size())), text);
}

// A cursor that never leaves the row. What reads past the end answers zeros and empty views, and
// from then on ok() is false: a row is read to its end first and judged then.
class RowReader {
 public:
  explicit RowReader(std::string_view row) : at_(row.data()), left_(row.size()) {}

  std::uint8_t u8() {
    const char* const at = take(1);
    return at == nullptr ? std::uint8_t{0} : octet(*at);
  }
  std::uint32_t u32() {
    const char* const at = take(4);
    return at == nullptr ? 0 : load_be32(at);
  }
  std::uint64_t u64() {
    const char* const at = take(8);
    return at == nullptr ? 0 : load_be64(at);
  }
  std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
  std::string_view text() {
    const std::size_t size = u32();
    const char* const at = take(size);
    return at == nullptr ? std::string_view{} : std::string_view{at, size};
  }
  std::string_view rest() {
    const std::size_t size = left_;
    const char* const at = take(size);
    return at == nullptr ? std::string_view{} : std::string_view{at, size};
  }
  // The row is of this format, and has no flags but these.
  std::uint8_t begin(std::uint8_t format, std::uint8_t known_flags) {
    ok_ &= u8() == format;
    const std::uint8_t flags = u8();
    ok_ &= (flags & ~known_flags) == 0;
    return flags;
  }

  std::size_t left() const { return left_; }
  bool ok() const { return ok_; }
  bool complete() const { return ok_ && left_ == 0; }

 private:
  const char* take(std::size_t size) {
    if (!ok_ || size > left_) {
      ok_ = false;
      return nullptr;
    }
    const char* const at = at_;
    at_ += size;
    left_ -= size;
    return at;
  }

  const char* at_;
  std::size_t left_;
  bool ok_ = true;
};

}  // namespace keel::kernel
