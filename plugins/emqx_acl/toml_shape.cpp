#include "emqx_acl/toml_shape.hpp"

#include <keel/text.hpp>

namespace emqx_acl {
namespace {

constexpr std::size_t kMostDots = 8;  // in one line; keys here need one

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

}  // namespace

void TomlShape::check(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(1)) {
    const char c = text.front();
    if (c == '\n') {
      new_line();
    } else if (quote_ != '\0') {
      if (key_ && !is_ascii(c)) fail("keys have no letters but ASCII");
      if (quote_ == '"' && c == '\\' && text.size() > 1 && text[1] != '\n') {
        text.remove_prefix(1);
      } else if (c == quote_) {
        quote_ = '\0';
        before_ = c;
      }
    } else if (!comment_) {
      outside(text);
    }
  }
}

// A letter that is in no text and no comment.
void TomlShape::outside(std::string_view rest) {
  const char c = rest.front();
  if (c == ' ' || c == '\t' || c == '\r') return;
  if (c == '#') {
    comment_ = true;
    return;
  }
  if (!is_ascii(c)) fail("not valid TOML: texts stand in \"quotes\"");
  if (c == '"' || c == '\'') {
    if (rest.starts_with("\"\"\"") || rest.starts_with("'''")) {
      fail("texts over several lines have no use here; write \"text\"");
    }
    if (!at_value() && !at_key())
      fail("not valid TOML: something is missing before a quotation mark");
    quote_ = c;
    key_ = !at_value();
    return;
  }
  if (c == '[' || c == '{') open_bracket(c);
  if ((c == ']' || c == '}') && !brackets_.empty()) brackets_.pop_back();
  if (c == '.' && ++dots_ > kMostDots) {
    fail("too many dots in one line; texts stand in \"quotes\"");
  }
  before_ = c;
}

bool TomlShape::at_key() const {
  if (before_ == '\n' || before_ == '.') return true;
  const char within = brackets_.empty() ? '\0' : brackets_.back();
  return (within == '{' && (before_ == '{' || before_ == ',')) || (within == 'h' && before_ == '[');
}

void TomlShape::open_bracket(char c) {
  if (at_value()) {
    brackets_ += c;
  } else if (c == '[' && (before_ == '\n' || (brackets_ == "h" && before_ == '['))) {
    brackets_ += 'h';
  } else {
    fail(keel::concat("not valid TOML: something is missing before ", c));
  }
}

void TomlShape::new_line() {
  ++line_;
  dots_ = 0;
  quote_ = '\0';
  comment_ = false;
  if (brackets_.empty()) before_ = '\n';
}

}  // namespace emqx_acl
