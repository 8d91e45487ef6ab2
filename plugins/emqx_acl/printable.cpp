#include "emqx_acl/printable.hpp"

#include <cstdint>

namespace emqx_acl {
namespace {

void add_hex(std::string& out, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// The length of the character that `text` begins with, 0: it is none.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  std::uint32_t point = first & (0x7fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  return point < kLeast[size] || point > 0x10ffff || surrogate ? 0 : size;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text[0]);
    const std::size_t size = character(text);
    const bool c1 = size == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (size == 0 || byte < 0x20 || byte == 0x7f || c1) {
      for (std::size_t i = 0; i < (c1 ? 2u : 1u); ++i) {
        add_hex(out, static_cast<unsigned char>(text[i]));
      }
      text.remove_prefix(c1 ? 2 : 1);
      continue;
    }
    if (byte == '"' || byte == '\\') out += '\\';
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out += '"';
}

bool valid_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace emqx_acl
