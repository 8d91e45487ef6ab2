#include "emqx_acl/printable.hpp"

#include <cstdint>
#include <keel/utf8.hpp>

namespace emqx_acl {
namespace {

void add_hex(std::string& out, unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

// As keel::utf8_character(), but no zero byte.
std::size_t character(std::string_view text) {
  return text[0] == '\0' ? 0 : keel::utf8_character(text);
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
  return text.find('\0') == std::string_view::npos && keel::is_utf8(text);
}

}  // namespace emqx_acl
