#include "keel/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

// The rule of RFC 3629 by the code point that a sequence says.
bool well_formed(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.size() == 1) return byte(0) < 0x80;
  const unsigned lead = text.size() == 2 ? 0xc0 : text.size() == 3 ? 0xe0 : 0xf0;
  const unsigned rest = text.size() == 2 ? 0x1f : text.size() == 3 ? 0x0f : 0x07;
  if ((byte(0) & ~rest & 0xff) != lead) return false;
  std::uint32_t point = byte(0) & rest;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if ((byte(i) & 0xc0) != 0x80) return false;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  return point >= kLeast[text.size()] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

}  // namespace

TEST_CASE("UTF-8: every sequence of two bytes, and every beginning of longer ones") {
  std::size_t wrong = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const char text[] = {static_cast<char>(a), static_cast<char>(b), '\x80', '\xbf'};
      for (std::size_t size = 1; size <= 4; ++size) {
        const std::string_view part(text, size);
        const bool one = well_formed(part);
        if ((keel::utf8_character(part) == size) != one) ++wrong;
        if (one && !keel::is_utf8(part)) ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("UTF-8: texts") {
  using namespace std::string_view_literals;
  CHECK(keel::is_utf8(""));
  CHECK(keel::is_utf8("a\0b"sv));
  CHECK(
      keel::is_utf8("Gr\xc3\xbc\xc3\x9f"
                    "e \xf0\x9f\x90\xa2"));
  CHECK_FALSE(keel::is_utf8("cut \xe2\x82"));
  CHECK_FALSE(keel::is_utf8("\x80"));
  CHECK_FALSE(keel::is_utf8("\xed\xa0\x80"));
  CHECK_FALSE(keel::is_utf8("\xf4\x90\x80\x80"));
  CHECK(keel::utf8_character("\xe2\x82\xac!") == 3);
}
