// Pieces of JSON as text: answers are written into one string, from front to back. Pure functions,
// any thread.
#pragma once

#include <cmath>
#include <string>
#include <string_view>

#include "emqx_lwm2m/format/number.hpp"
#include "emqx_lwm2m/format/path.hpp"

namespace lwm2m {

// In quotes. What is no UTF-8 becomes U+FFFD, an octet each: devices send what they like.
void append_quoted(std::string& out, std::string_view text);
// "/3/0/9", without quotes.
void append_path(std::string& out, const Path& path);
// JSON has no numbers that are none, or infinite: null.
inline void append_json_number(std::string& out, double number) {
  if (std::isfinite(number)) {
    append_number(out, number);
  } else {
    out.append("null");
  }
}

}  // namespace lwm2m
