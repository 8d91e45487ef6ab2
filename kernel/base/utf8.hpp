// UTF-8 checks for MQTT strings [MQTT5 1.5.4]: well-formed, no U+0000, no surrogates, shortest
// form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace keel::kernel {

// True when `text` may stand in an MQTT UTF-8 string. ASCII is checked eight bytes at a time.
bool valid_utf8(std::string_view text);

// The same without the rule about U+0000: payloads that a publisher declares to be text
// [MQTT5 3.3.2.3.2].
bool well_formed_utf8(std::string_view text);

// The end of the one multi-byte sequence that starts at `at`; null when it is cut off or not
// allowed. `at` is before `end` and *at is not ASCII.
const char* skip_utf8_sequence(const char* at, const char* end);

// `text` made fit for a log line or a terminal: control characters and broken UTF-8 as \xNN, cut at
// `max` bytes with "..." behind.
std::string_view printable(std::string_view text, std::string& buffer, std::size_t max = 128);

// Eight bytes tested at once; the order of the bytes in the word does not matter.
namespace swar {
inline constexpr std::uint64_t kOnes = 0x0101010101010101;
inline constexpr std::uint64_t kHighs = 0x8080808080808080;

inline std::uint64_t load(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
// All bits of kHighs are clear when every byte is ASCII and differs from `c`. May only be read
// together with the test for ASCII: (word | differs_from(word, c)) & kHighs.
constexpr std::uint64_t differs_from(std::uint64_t word, char c) {
  return (word ^ kOnes * static_cast<unsigned char>(c)) - kOnes;
}
}  // namespace swar

}  // namespace keel::kernel
