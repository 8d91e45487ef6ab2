#include "emqx_lwm2m/format/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace lwm2m {

namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// 0 to 63; 64: not one of the letters.
constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(64);
  for (std::uint8_t i = 0; i < 64; ++i) {
    out[static_cast<unsigned char>(kStandard[i])] = i;
    out[static_cast<unsigned char>(kUrl[i])] = i;
  }
  return out;
}();

// Three octets at a time; of the last ones, as many letters as hold their bits.
std::string encode(std::string_view octets, std::string_view letters) {
  const std::size_t size = (octets.size() * 4 + 2) / 3;
  std::string out((octets.size() + 2) / 3 * 4, '\0');
  char* to = out.data();
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const auto octet = [&](std::size_t at) -> std::uint32_t {
      return at < octets.size() ? static_cast<unsigned char>(octets[at]) : 0;
    };
    const std::uint32_t bits = octet(i) << 16 | octet(i + 1) << 8 | octet(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) *to++ = letters[bits >> shift & 63];
  }
  out.resize(size);
  return out;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

std::string to_base64(std::string_view octets) {
  std::string out = encode(octets, kStandard);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

std::string to_base64url(std::string_view octets) { return encode(octets, kUrl); }

std::optional<std::string> from_base64(std::string_view text) {
  if (text.ends_with('=')) {
    if (text.size() % 4 != 0) return std::nullopt;
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out(text.size() * 3 / 4, '\0');
  std::size_t written = 0;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::uint32_t value = kDigits[static_cast<unsigned char>(c)];
    if (value == 64) return std::nullopt;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out[written++] = static_cast<char>(bits >> count & 0xff);
    }
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    out.push_back(static_cast<char>(*high << 4 | *low));
  }
  return out;
}

}  // namespace lwm2m
