#include "emqx_lwm2m/format/json_text.hpp"

#include <array>
#include <keel/utf8.hpp>

namespace lwm2m {

namespace {

// What stands in a string of JSON as it is.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> out{};
  for (int octet = 0x20; octet < 0x80; ++octet) out[octet] = octet != '"' && octet != '\\';
  return out;
}();

bool plain(char c) { return kPlain[static_cast<unsigned char>(c)]; }

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    case '"':
    case '\\':
      out.push_back('\\');
      out.push_back(c);
      break;
    default:
      out.append("\\u00");
      out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(text[run])) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) break;
    std::size_t size = keel::utf8_character(text);
    if (size > 1) {
      out.append(text.substr(0, size));
    } else if (size == 1) {
      append_escaped(out, text[0]);
    } else {
      out.append("\xef\xbf\xbd");
      size = 1;
    }
    text.remove_prefix(size);
  }
  out.push_back('"');
}

void append_path(std::string& out, const Path& path) {
  if (path.depth == 0) out.push_back('/');
  for (std::uint8_t i = 0; i < path.depth; ++i) {
    out.push_back('/');
    append_number(out, path.ids[i]);
  }
}

}  // namespace lwm2m
