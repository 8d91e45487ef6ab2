// Erlang terms as they stand in files: `{allow, {user, "ann"}, subscribe, ["$SYS/#"]}.` Reads text
// from memory; no recursion deeper than kDeepest. Throws Fault.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emqx_acl/fault.hpp"

namespace emqx_acl {

struct Term {
  enum class Kind : std::uint8_t { atom, string, binary, integer, tuple, list } kind = Kind::atom;
  std::string text = {};         // of an atom, string or binary, in UTF-8; digits of an integer
  std::vector<Term> items = {};  // of a tuple or list
  Position at = {};

  bool is_atom(std::string_view word) const { return kind == Kind::atom && text == word; }
  bool is_text() const { return kind == Kind::string || kind == Kind::binary; }
  // "a string", "the atom 'x'": for messages.
  std::string describe() const;
};

class TermReader {
 public:
  explicit TermReader(std::string_view text) : rest_(text) {}

  // The next term with its full stop; false: the text is at its end.
  bool next(Term& out);

 private:
  Term term(int depth);
  Term quoted_text(char quote, Term::Kind kind);
  Term binary();
  Term sequence(char close, Term::Kind kind, int depth);
  Term word();
  void escape(std::string& out);
  std::uint32_t digits(unsigned base, int most);
  void full_stop(Position begin);
  void skip_blank();
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  bool take(std::string_view text);
  void advance();
  [[noreturn]] void fail(std::string text) const { throw Fault{at_, std::move(text)}; }

  std::string_view rest_;
  Position at_{1, 1};
};

}  // namespace emqx_acl
