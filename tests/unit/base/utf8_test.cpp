#include "kernel/base/utf8.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace keel::kernel {
namespace {

using namespace std::string_literals;

std::string encode(std::uint32_t c) {
  std::string s;
  const auto put = [&](std::uint32_t byte) { s.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 63));
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  }
  return s;
}

// Decodes and encodes again: only the shortest form of an allowed code point survives.
bool naive_valid(std::string_view text, bool allow_null) {
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = static_cast<unsigned char>(text[i]);
    const std::size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (i + n > text.size()) return false;
    std::uint32_t c = n == 1 ? first : first & (0xffu >> (n + 1));
    for (std::size_t k = 1; k < n; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 63);
    if ((c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff || (c == 0 && !allow_null)) return false;
    if (encode(c) != text.substr(i, n)) return false;
    i += n;
  }
  return true;
}

const std::vector<std::string> kGood = {"",
                                        "a",
                                        "sensors/1/temperature",
                                        "\x01\x7f",
                                        "\xc2\x80",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xef\xbb\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "h\xc3\xb6he/\xe6\xb8\xa9\xe5\xba\xa6"};

const std::vector<std::string> kBad = {"\0"s,  // U+0000
                                       "\x80",
                                       "\xbf",  // a continuation alone
                                       "\xc0\x80",
                                       "\xc0\xaf",
                                       "\xc1\xbf",
                                       "\xe0\x80\xaf",
                                       "\xe0\x9f\xbf",
                                       "\xf0\x80\x80\xaf",
                                       "\xf0\x8f\xbf\xbf",  // longer than needed
                                       "\xed\xa0\x80",
                                       "\xed\xbf\xbf",
                                       "\xed\xa0\xbd\xed\xb8\x80",  // surrogates
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xf8\x88\x80\x80\x80",
                                       "\xfe",
                                       "\xff",
                                       "\xc2",
                                       "\xc2\x41",
                                       "\xe2\x82",
                                       "\xe2\x82\x41",
                                       "\xe2\x41\x82",
                                       "\xf0\x9f\x98",
                                       "\xf0\x9f\x98\x41",
                                       "\xf0\x41\x98\x80",
                                       "\xf0\x9f\x41\x80"};

TEST_CASE("utf8: every good and bad sequence at every position of the stride") {
  for (std::size_t before = 0; before <= 17; ++before) {
    for (std::size_t after = 0; after <= 9; ++after) {
      const std::string left(before, 'x'), right(after, 'y');
      for (const auto& s : kGood) CHECK(valid_utf8(left + s + right));
      for (const auto& s : kBad) CHECK_FALSE(valid_utf8(left + s + right));
    }
  }
}

TEST_CASE("utf8: a sequence cut off at every place") {
  for (const std::string& s : {"\xc3\xb6"s, "\xe2\x82\xac"s, "\xf0\x9f\x98\x80"s}) {
    for (std::size_t before = 0; before <= 16; ++before) {
      const std::string whole = std::string(before, 'a') + s;
      CHECK(valid_utf8(whole));
      for (std::size_t n = before + 1; n < whole.size(); ++n) {
        CHECK_FALSE(valid_utf8(std::string_view(whole).substr(0, n)));
      }
    }
  }
}

TEST_CASE("utf8: U+0000 is refused in strings and allowed in text payloads") {
  for (std::size_t before = 0; before <= 16; ++before) {
    const std::string s = std::string(before, 'a') + '\0' + "bcdefghij";
    CHECK_FALSE(valid_utf8(s));
    CHECK(well_formed_utf8(s));
  }
  CHECK_FALSE(well_formed_utf8("\0\xff"s));
}

TEST_CASE("utf8: agrees with the naive check on all code points and on noise") {
  for (std::uint32_t c = 1; c <= 0x110000; ++c) {
    if (valid_utf8(encode(c)) != (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff))) {
      FAIL_CHECK("code point " << c);
    }
  }
  std::mt19937 random(7);
  const std::string alphabet = "ab/\0\x7f\x80\xbf\xc2\xe0\xa0\xed\x9f\xf0\x90\xf4\x8f"s;
  for (int round = 0; round < 200'000; ++round) {
    std::string s(random() % 20, '\0');
    for (char& c : s) c = random() % 4 ? 'z' : alphabet[random() % alphabet.size()];
    if (random() % 2) s += encode(1 + random() % 0xd7ff) + "tail";
    if (valid_utf8(s) != naive_valid(s, false) || well_formed_utf8(s) != naive_valid(s, true)) {
      FAIL_CHECK("differs for " << s);
    }
  }
}

TEST_CASE("printable: clean text is passed through without a copy") {
  std::string buffer;
  const std::string_view text = "client-\xc3\xb6";
  CHECK(printable(text, buffer).data() == text.data());
  CHECK(printable("", buffer).empty());
}

TEST_CASE("printable: controls and broken UTF-8 are escaped, long text is cut") {
  std::string buffer;
  CHECK(printable("a\nb\x1b[31m", buffer) == "a\\x0ab\\x1b[31m");
  CHECK(printable("\x7f", buffer) == "\\x7f");
  CHECK(printable("\0"s, buffer) == "\\x00");
  CHECK(printable("\xc2\x9b", buffer) == "\\xc2\\x9b");  // C1: a terminal obeys it
  CHECK(printable("x\xff\xc3", buffer) == "x\\xff\\xc3");
  CHECK(printable("0123456789", buffer, 10) == "0123456789");
  CHECK(printable("0123456789a", buffer, 10) == "0123456789...");
  CHECK(printable("012345678\xc3\xb6", buffer, 10) == "012345678...");  // no half characters
  CHECK(printable("0123456\n", buffer, 10) == "0123456...");            // nor half escapes
}

}  // namespace
}  // namespace keel::kernel
