#include "tests/system/support/json.hpp"

#include <cctype>

namespace keel::test {

namespace {

class Checker {
 public:
  explicit Checker(std::string_view text) : text_{text} {}

  bool document() { return value() && (blanks(), text_.empty()); }

 private:
  bool value() {
    blanks();
    if (text_.empty()) return false;
    switch (text_[0]) {
      case '{':
        return list('{', '}', true);
      case '[':
        return list('[', ']', false);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool list(char open, char close, bool named) {
    if (!take(open)) return false;
    blanks();
    if (take(close)) return true;
    do {
      blanks();
      if (named && !(string() && (blanks(), take(':')))) return false;
      if (!value()) return false;
      blanks();
    } while (take(','));
    return take(close);
  }

  bool string() {
    if (!take('"')) return false;
    while (!text_.empty() && text_[0] != '"') {
      if (static_cast<unsigned char>(text_[0]) < 0x20) return false;
      if (text_[0] == '\\') text_.remove_prefix(1);
      if (text_.empty()) return false;
      text_.remove_prefix(1);
    }
    return take('"');
  }

  bool number() {
    take('-');
    std::size_t digits = 0;
    while (!text_.empty() &&
           (std::isdigit(static_cast<unsigned char>(text_[0])) != 0 ||
            (digits > 0 && std::string_view{".eE+-"}.find(text_[0]) != std::string_view::npos))) {
      text_.remove_prefix(1);
      ++digits;
    }
    return digits > 0;
  }

  bool word(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  bool take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (!text_.empty() && std::string_view{" \t\r\n"}.find(text_[0]) != std::string_view::npos) {
      text_.remove_prefix(1);
    }
  }

  std::string_view text_;
};

}  // namespace

bool valid_json(std::string_view text) { return Checker{text}.document(); }

}  // namespace keel::test
