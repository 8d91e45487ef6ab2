#include "kernel/admin/json.hpp"

#include <cmath>

#include "kernel/base/bytes.hpp"
#include "kernel/base/utf8.hpp"

namespace keel::kernel {
namespace {

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (octet(c) < 0x20 || c == 0x7f) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", octet(c));
  } else {
    out += c;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    if (octet(*at) < 0x80) {
      append_ascii(out, *at++);
      continue;
    }
    const char* const next = skip_utf8_sequence(at, end);
    if (next == nullptr) {
      out += "\\ufffd";
      ++at;
    } else if (octet(at[0]) == 0xc2 && octet(at[1]) < 0xa0) {  // C1 controls drive terminals too
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", octet(at[1]));
      at = next;
    } else {
      out.append(at, next);
      at = next;
    }
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_string(out, text);
  return out;
}

std::string& JsonObject::key(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  append_json_string(text_, name);
  return text_ += ':';
}

JsonObject& JsonObject::add(std::string_view name, double value) {
  if (!std::isfinite(value)) return add_null(name);
  key(name) += fmt::format("{}", value);
  return *this;
}

}  // namespace keel::kernel
