#include "emqx_ws/header_list.hpp"

#include <algorithm>
#include <utility>

namespace ws {
namespace {

bool is_token_char(char c) {
  const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alnum ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void HeaderList::skip_blanks() {
  while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t')) rest_.remove_prefix(1);
}

bool HeaderList::take(char c) {
  skip_blanks();
  if (rest_.empty() || rest_[0] != c) return false;
  rest_.remove_prefix(1);
  skip_blanks();
  return true;
}

std::string_view HeaderList::token() {
  const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_char);
  const std::string_view out = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
  rest_.remove_prefix(out.size());
  return out;
}

// Within quotes stands what could stand without them: no header here has use for more.
bool HeaderList::quoted(std::string_view& out) {
  if (!take('"')) return false;
  out = token();
  if (out.empty() || rest_.empty() || rest_[0] != '"') return broken();
  rest_.remove_prefix(1);
  return true;
}

bool HeaderList::broken() {
  broken_ = true;
  rest_ = {};
  return false;
}

// Empty elements are allowed between commas.
bool HeaderList::next_element(std::string_view& name) {
  if (broken_) return false;
  bool comma = std::exchange(first_, false);
  while (take(',')) comma = true;
  skip_blanks();
  if (rest_.empty()) return false;
  name = token();
  return !name.empty() && comma ? true : broken();
}

bool HeaderList::next_parameter(HeaderParameter& out) {
  if (broken_ || !take(';')) return false;
  out = {token(), {}};
  if (out.name.empty()) return broken();
  if (!take('=')) return true;
  if (quoted(out.value)) return true;
  if (!broken_) out.value = token();
  return !out.value.empty() || broken();
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool has_word(std::string_view header, std::string_view word) {
  for (;;) {
    const std::size_t comma = header.find(',');
    if (same_word(trimmed(header.substr(0, comma)), word)) return true;
    if (comma == std::string_view::npos) return false;
    header.remove_prefix(comma + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace ws
