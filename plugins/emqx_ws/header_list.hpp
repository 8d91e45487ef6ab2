// Reads what many HTTP headers have: elements between commas, each a token with parameters behind
// semicolons, `a; b=1; c="x", d`. A value over the text it was given; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace ws {

struct HeaderParameter {
  std::string_view name;
  std::string_view value;  // without quotes; empty: none
};

class HeaderList {
 public:
  explicit HeaderList(std::string_view text) : rest_(text) {}

  // False: no more, or not well formed from here on.
  bool next_element(std::string_view& name);
  // Of the last element; false: no more of them.
  bool next_parameter(HeaderParameter& out);
  bool well_formed() const { return !broken_; }

 private:
  void skip_blanks();
  bool take(char c);
  std::string_view token();
  bool quoted(std::string_view& out);
  bool broken();

  std::string_view rest_;
  bool broken_ = false;
  bool first_ = true;
};

// Whether a comma-separated header has `word`, in any case of letters.
bool has_word(std::string_view header, std::string_view word);
bool same_word(std::string_view a, std::string_view b);
std::string_view trimmed(std::string_view text);

}  // namespace ws
