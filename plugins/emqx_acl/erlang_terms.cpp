#include "emqx_acl/erlang_terms.hpp"

#include "emqx_acl/load.hpp"
#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool in_word(char c) { return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '@'; }

void add_utf8(std::string& out, std::uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr unsigned kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kFirst[more] | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
}

}  // namespace

std::string Term::describe() const {
  switch (kind) {
    case Kind::atom:
      return "the atom " + in_quotes(text);
    case Kind::string:
    case Kind::binary:
      return "the text " + in_quotes(text);
    case Kind::integer:
      return "the number " + text;
    case Kind::tuple:
      if (!items.empty() && items[0].kind == Kind::atom) {
        return keel::concat('{', items[0].text, items.size() > 1 ? ", ...}" : "}");
      }
      return "a tuple";
    case Kind::list:
      return "a list";
  }
  return "a term";
}

bool TermReader::next(Term& out) {
  skip_blank();
  if (rest_.empty()) return false;
  const Position begin = at_;
  out = term(0);
  full_stop(begin);
  return true;
}

// A full stop has blank or the end behind it.
void TermReader::full_stop(Position begin) {
  skip_blank();
  if (peek() != '.') {
    if (!rest_.empty()) fail("a full stop is missing before this; end each rule with }.");
    throw Fault{begin, "the file ends within this term; is a full stop or a bracket missing?"};
  }
  advance();
  const char behind = peek();
  if (!rest_.empty() && behind != ' ' && behind != '\t' && behind != '\r' && behind != '\n' &&
      behind != '%') {
    fail("a blank or a new line is missing behind the full stop");
  }
}

Term TermReader::term(int depth) {
  if (depth > kDeepest) fail("nested too deep; 16 levels are enough");
  if (rest_.empty()) fail("the file ends where a term is due; is a bracket missing?");
  const Position begin = at_;
  const char c = peek();
  Term out;
  if (take("<<")) {
    out = binary();
  } else if (c == '{' || c == '[') {
    advance();
    out = sequence(c == '{' ? '}' : ']', c == '{' ? Term::Kind::tuple : Term::Kind::list, depth);
  } else if (c == '"' || c == '\'') {
    out = quoted_text(c, c == '"' ? Term::Kind::string : Term::Kind::atom);
    // Strings side by side are one.
    for (skip_blank(); c == '"' && peek() == '"'; skip_blank()) {
      out.text += quoted_text('"', Term::Kind::string).text;
    }
  } else if (is_lower(c) || is_digit(c) || c == '-') {
    out = word();
  } else if (is_upper(c) || c == '_') {
    fail("a variable cannot stand in a file; write texts in \"quotes\"");
  } else {
    fail(keel::concat("unexpected ", in_quotes(rest_.substr(0, 1)),
                      "; a term is an atom, \"text\", {tuple} or [list]"));
  }
  out.at = begin;
  return out;
}

Term TermReader::sequence(char close, Term::Kind kind, int depth) {
  Term out{.kind = kind};
  for (skip_blank(); peek() != close;) {
    out.items.push_back(term(depth + 1));
    skip_blank();
    if (peek() == close) break;
    if (rest_.empty()) fail(keel::concat("the file ends before a '", close, "'"));
    if (!take(",")) fail(keel::concat("a comma or '", close, "' is missing before this"));
    skip_blank();
    if (peek() == close) fail(keel::concat("a term is missing between ',' and '", close, "'"));
  }
  advance();
  return out;
}

Term TermReader::word() {
  Term out{.kind = Term::Kind::atom};
  if (is_lower(peek())) {
    for (; in_word(peek()); advance()) out.text += peek();
    return out;
  }
  out.kind = Term::Kind::integer;
  if (peek() == '-') {
    out.text += '-';
    advance();
  }
  if (!is_digit(peek())) fail("a number needs digits");
  for (; is_digit(peek()); advance()) out.text += peek();
  if (in_word(peek()) || peek() == '#') fail("only whole decimal numbers are read");
  return out;
}

Term TermReader::binary() {
  skip_blank();
  Term out{.kind = Term::Kind::binary};
  if (peek() == '"') {
    out = quoted_text('"', Term::Kind::binary);
    skip_blank();
    if (take("/utf8")) skip_blank();
  }
  if (!take(">>")) fail("a binary is <<\"text\">>");
  return out;
}

Term TermReader::quoted_text(char quote, Term::Kind kind) {
  const Position begin = at_;
  Term out{.kind = kind};
  advance();
  while (peek() != quote) {
    if (rest_.empty()) throw Fault{begin, "the quotation mark has no partner"};
    if (peek() == '\\') {
      escape(out.text);
      continue;
    }
    out.text += peek();
    advance();
  }
  advance();
  return out;
}

void TermReader::escape(std::string& out) {
  const Position begin = at_;
  advance();
  const char c = peek();
  std::uint32_t point = 0;
  if (c == 'x') {
    advance();
    const bool braces = take("{");
    point = digits(16, braces ? 6 : 2);
    if (braces && !take("}")) fail("an escape \\x{...} needs its closing brace");
  } else if (c >= '0' && c <= '7') {
    point = digits(8, 3);
  } else {
    constexpr std::string_view kLetters = "nrtbfvesd\"'\\";
    constexpr std::string_view kMeanings = "\n\r\t\b\f\v\x1b \x7f\"'\\";
    const std::size_t which = rest_.empty() ? std::string_view::npos : kLetters.find(c);
    if (which == std::string_view::npos) {
      throw Fault{begin, "no such escape; a backslash itself is written \\\\"};
    }
    out += kMeanings[which];
    return advance();
  }
  if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    throw Fault{begin, "an escape that stands for no character"};
  }
  add_utf8(out, point);
}

std::uint32_t TermReader::digits(unsigned base, int most) {
  std::uint32_t out = 0;
  int n = 0;
  for (; n < most; ++n) {
    const char c = peek();
    unsigned digit = base;
    if (is_digit(c)) digit = static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<unsigned>(c - 'A') + 10;
    if (digit >= base) break;
    out = out * base + digit;
    advance();
  }
  if (n == 0) fail("an escape needs digits here");
  return out;
}

bool TermReader::take(std::string_view text) {
  if (!rest_.starts_with(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) advance();
  return true;
}

void TermReader::skip_blank() {
  for (;;) {
    const char c = peek();
    if (c == '%') {
      while (!rest_.empty() && peek() != '\n') advance();
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      advance();
    } else {
      return;
    }
  }
}

void TermReader::advance() {
  if (rest_.empty()) return;
  const auto c = static_cast<unsigned char>(rest_.front());
  rest_.remove_prefix(1);
  if (c == '\n') {
    ++at_.line;
    at_.column = 1;
  } else if ((static_cast<unsigned char>(peek()) & 0xc0) != 0x80) {
    ++at_.column;  // behind the last byte of a character
  }
}

}  // namespace emqx_acl
