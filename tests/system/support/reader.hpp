// Reads MQTT's data types from the front of a string. Throws when the bytes end too early, which a
// test reports as the broker's mistake.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace keel::test {

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_{bytes} {}

  bool done() const { return bytes_.empty(); }
  std::string rest() { return std::string{bytes(bytes_.size())}; }

  std::string_view bytes(std::size_t size) {
    if (size > bytes_.size())
      throw std::runtime_error("the broker sent a packet that ends too early");
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(bytes(1)[0]); }
  std::uint16_t u16() {
    const unsigned high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  std::uint32_t varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const std::uint32_t byte = u8();
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    throw std::runtime_error("the broker sent a length of more than four bytes");
  }
  std::string string() { return std::string{bytes(u16())}; }

 private:
  std::string_view bytes_;
};

}  // namespace keel::test
