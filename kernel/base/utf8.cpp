#include "kernel/base/utf8.hpp"

namespace keel::kernel {
namespace {

constexpr unsigned byte_at(const char* at) { return static_cast<unsigned char>(*at); }
constexpr bool continues(const char* at) { return (byte_at(at) & 0xc0) == 0x80; }

template <bool kAllowNull>
bool plain(const char* at) {
  const std::uint64_t word = swar::load(at);
  return ((kAllowNull ? word : word | swar::differs_from(word, '\0')) & swar::kHighs) == 0;
}

template <bool kAllowNull>
bool check(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    while (end - at >= 8 && plain<kAllowNull>(at)) at += 8;
    // A short rest, looked at together with what stands before it, or eight bytes to look at one by
    // one.
    if (end - at < 8 && text.size() >= 8 && plain<kAllowNull>(end - 8)) return true;
    for (const char* stop = end - at < 8 ? end : at + 8; at < stop;) {
      if (byte_at(at) < 0x80) {
        if (!kAllowNull && *at == '\0') return false;
        ++at;
      } else if ((at = skip_utf8_sequence(at, end)) == nullptr) {
        return false;
      }
    }
  }
  return true;
}

// How many bytes at `at` may be shown as they are; 0: this byte has to be escaped.
std::size_t shown(const char* at, const char* end) {
  const unsigned first = byte_at(at);
  if (first < 0x80) return first >= 0x20 && first != 0x7f;
  const char* next = skip_utf8_sequence(at, end);
  if (next == nullptr) return 0;
  if (first == 0xc2 && byte_at(at + 1) < 0xa0) return 0;  // C1 controls
  return static_cast<std::size_t>(next - at);
}

bool clean(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const std::size_t n = shown(at, end);
    if (n == 0) return false;
    at += n;
  }
  return true;
}

}  // namespace

const char* skip_utf8_sequence(const char* at, const char* end) {
  const unsigned first = byte_at(at);
  if (first < 0xc2 || first > 0xf4) return nullptr;
  const std::ptrdiff_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (end - at < size) return nullptr;
  const unsigned second = byte_at(at + 1);
  unsigned low = 0x80, high = 0xbf;  // what the second byte may be
  if (first == 0xe0)
    low = 0xa0;  // shorter form exists
  else if (first == 0xed)
    high = 0x9f;  // surrogates
  else if (first == 0xf0)
    low = 0x90;  // shorter form exists
  else if (first == 0xf4)
    high = 0x8f;  // above U+10FFFF
  if (second < low || second > high) return nullptr;
  for (std::ptrdiff_t i = 2; i < size; ++i) {
    if (!continues(at + i)) return nullptr;
  }
  return at + size;
}

bool valid_utf8(std::string_view text) { return check<false>(text); }
bool well_formed_utf8(std::string_view text) { return check<true>(text); }

std::string_view printable(std::string_view text, std::string& buffer, std::size_t max) {
  if (text.size() <= max && clean(text)) return text;
  static constexpr char kHex[] = "0123456789abcdef";
  buffer.clear();
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const std::size_t n = shown(at, end);
    if (buffer.size() + (n == 0 ? 4 : n) > max) return buffer.append("...");
    if (n == 0) {
      const unsigned c = byte_at(at++);
      buffer.append({'\\', 'x', kHex[c >> 4], kHex[c & 15]});
    } else {
      buffer.append(at, n);
      at += n;
    }
  }
  return buffer;
}

}  // namespace keel::kernel
