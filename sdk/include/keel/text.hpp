// Text across the boundary: keel_str to and from std::string_view, sinks into strings, and putting
// lines together without a formatting library. Values only; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "keel/abi.h"

namespace keel {

inline keel_str to_c(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(keel_str text) {
  return text.data ? std::string_view(text.data, text.size) : std::string_view();
}

// A sink that appends to `out`, which must outlive the call it is passed to.
inline keel_sink sink_into(std::string& out) {
  return {&out, [](void* ctx, keel_str piece) {
            try {
              static_cast<std::string*>(ctx)->append(view(piece));
            } catch (...) {  // no memory: the text stays cut
            }
          }};
}

inline void put(keel_sink sink, std::string_view text) {
  if (sink.write) sink.write(sink.ctx, to_c(text));
}

// append(out, value) adds a value as people read it. Types with a member append_to(std::string&)
// take part.
inline void append(std::string& out, std::string_view text) { out.append(text); }
inline void append(std::string& out, const std::string& text) { out.append(text); }
inline void append(std::string& out, const char* text) { out.append(text ? text : "(null)"); }
inline void append(std::string& out, char c) { out.push_back(c); }
inline void append(std::string& out, keel_str text) { out.append(view(text)); }
inline void append(std::string& out, double number) {
  char digits[40];
  const int n = __builtin_snprintf(digits, sizeof digits, "%g", number);
  out.append(digits, static_cast<std::size_t>(n > 0 ? n : 0));
}

template <class T>
requires std::is_integral_v<T>
void append(std::string& out, T number) {
  if constexpr (std::is_same_v<T, bool>) {
    out.append(number ? "true" : "false");
  } else {
    char digits[24];
    char* at = digits + sizeof digits;
    const bool negative = std::is_signed_v<T> && number < 0;
    auto rest = static_cast<std::uint64_t>(number);
    if (negative) rest = 0 - rest;
    do *--at = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (negative) *--at = '-';
    out.append(at, static_cast<std::size_t>(digits + sizeof digits - at));
  }
}

template <class T>
requires std::is_enum_v<T>
void append(std::string& out, T value) {
  append(out, static_cast<std::underlying_type_t<T>>(value));
}

template <class T>
requires requires(const T& value, std::string& out) { value.append_to(out); }
void append(std::string& out, const T& value) { value.append_to(out); }

// concat("port ", 1884, " is taken")
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

// Element `i` of an array of sized structs: the other side's may be longer than ours.
template <class T>
const T& at(const T* array, std::uint32_t i) {
  return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(array) +
                                     std::size_t{array->size} * i);
}

// The bytes of a text, for binary payloads.
inline const std::uint8_t* bytes(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

}  // namespace keel
