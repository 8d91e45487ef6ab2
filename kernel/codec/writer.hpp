// Writing of properties: the same calls once on a sizer, then on a writer. For the codec's own
// files.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernel/base/bytes.hpp"
#include "kernel/codec/properties.hpp"

namespace keel::kernel {

constexpr char first_byte(PacketType type, unsigned flags = 0) {
  return static_cast<char>(static_cast<unsigned>(type) << 4 | flags);
}

inline char* put_bytes(char* at, Bytes bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

// A string or binary field holds no more; what is longer is cut.
inline Bytes fit_field(Bytes bytes) { return bytes.substr(0, 65535); }

class PropertySizer {
 public:
  void byte(Property, std::uint32_t) { total_ += 2; }
  void u16(Property, std::uint32_t) { total_ += 3; }
  void u32(Property, std::uint32_t) { total_ += 5; }
  void text(Property, Bytes bytes) {
    total_ += 3 + static_cast<std::uint32_t>(fit_field(bytes).size());
  }
  void raw(Bytes wire) { total_ += static_cast<std::uint32_t>(wire.size()); }
  std::uint32_t total() const { return total_; }

 private:
  std::uint32_t total_ = 0;
};

class PropertyWriter {
 public:
  explicit PropertyWriter(char* at) : at_(at) {}

  void byte(Property id, std::uint32_t value) {
    put_id(id);
    *at_++ = static_cast<char>(value);
  }
  void u16(Property id, std::uint32_t value) {
    put_id(id);
    at_ = store_be16(at_, value);
  }
  void u32(Property id, std::uint32_t value) {
    put_id(id);
    at_ = store_be32(at_, value);
  }
  void text(Property id, Bytes bytes) {
    bytes = fit_field(bytes);
    put_id(id);
    at_ = put_bytes(store_be16(at_, static_cast<std::uint32_t>(bytes.size())), bytes);
  }
  void raw(Bytes wire) { at_ = put_bytes(at_, wire); }
  char* at() const { return at_; }

 private:
  void put_id(Property id) { *at_++ = static_cast<char>(id); }

  char* at_;
};

}  // namespace keel::kernel
