// A cursor over a packet. Every read checks the bounds and answers false when the bytes do not
// suffice; what was read then is unspecified. For the codec's own files.
#pragma once

#include "kernel/base/bytes.hpp"
#include "kernel/codec/packet.hpp"

namespace keel::kernel {

constexpr Fault malformed(const char* what) { return {Reason::malformed_packet, what}; }
constexpr Fault protocol_error(const char* what) { return {Reason::protocol_error, what}; }

class Reader {
 public:
  explicit Reader(Bytes bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  bool done() const { return at_ == end_; }
  const char* at() const { return at_; }
  Bytes rest() const { return {at_, left()}; }

  bool u8(std::uint8_t& out) {
    if (done()) return false;
    out = octet(*at_++);
    return true;
  }
  bool u16(std::uint16_t& out) {
    if (left() < 2) return false;
    out = load_be16(at_);
    at_ += 2;
    return true;
  }
  bool u32(std::uint32_t& out) {
    if (left() < 4) return false;
    out = load_be32(at_);
    at_ += 4;
    return true;
  }
  bool bytes(std::size_t size, Bytes& out) {
    if (left() < size) return false;
    out = {at_, size};
    at_ += size;
    return true;
  }
  // A two-byte length and as many bytes: binary data, and strings before their UTF-8 is checked.
  bool binary(Bytes& out) {
    std::uint16_t size = 0;
    return u16(size) && bytes(size, out);
  }
  // At most four bytes, and no more than the value needs [MQTT5 1.5.5].
  bool varint(std::uint32_t& out) {
    out = 0;
    for (int shift = 0; shift < 28; shift += 7) {
      if (done()) return false;
      const std::uint8_t byte = octet(*at_++);
      out |= std::uint32_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return byte != 0 || shift == 0;
    }
    return false;
  }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace keel::kernel
