// A look at a file of rules before toml++ reads it: what that parser is not safe from is refused.
// It reads text once, letter by letter, and keeps nothing of it. Throws Fault.
//
// - The parser makes a table of each dot in a key and takes them apart by recursion: a line of
//   nothing but dots would use up the stack. Texts over several lines could hide such a line.
// - Beyond ASCII its tables of blanks have holes, which are looked at for keys and bare words.
#pragma once

#include <string>
#include <string_view>

#include "emqx_acl/fault.hpp"

namespace emqx_acl {

class TomlShape {
 public:
  void check(std::string_view text);

 private:
  void outside(std::string_view rest);
  void open_bracket(char c);
  void new_line();
  [[noreturn]] void fail(std::string text) const { throw Fault{{line_, 0}, std::move(text)}; }
  // Whether a value may begin here, or a quoted part of a key.
  bool at_value() const {
    const bool in_list = !brackets_.empty() && brackets_.back() == '[';
    return before_ == '=' || (in_list && (before_ == '[' || before_ == ','));
  }
  bool at_key() const;

  std::uint32_t line_ = 1;
  std::size_t dots_ = 0;  // in this line
  char quote_ = '\0';     // of the text this is in
  bool key_ = false;      // that text is one
  bool comment_ = false;
  char before_ = '\n';    // the last that is no blank; a new line between two entries
  std::string brackets_;  // open ones: [ { and h for those of a header
};

}  // namespace emqx_acl
