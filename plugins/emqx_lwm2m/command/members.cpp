#include "emqx_lwm2m/command/members.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "emqx_lwm2m/format/value.hpp"

namespace lwm2m {

namespace {

constexpr std::size_t kEnd = std::string_view::npos;

// Behind the string that begins at `at`; kEnd: it never ends.
std::size_t behind_string(std::string_view text, std::size_t at) {
  const std::size_t begin = at + 1;
  for (at = begin;; ++at) {
    at = text.find('"', at);
    if (at == kEnd) return kEnd;
    std::size_t backslashes = 0;
    while (at - backslashes > begin && text[at - backslashes - 1] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return at + 1;
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == kEnd) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// `quoted` is with its quotes. Empty: no string.
std::string unquoted(std::string_view quoted) {
  if (quoted.find('\\') == kEnd) return std::string(quoted.substr(1, quoted.size() - 2));
  boost::system::error_code error;
  const boost::json::value read = boost::json::parse(quoted, error);
  const boost::json::string* const text = error ? nullptr : read.if_string();
  return text ? std::string(*text) : std::string();
}

// `text` is one member, with blanks around it; or only blanks.
bool add(std::vector<Member>& list, std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with('"')) return text.empty();
  const std::size_t behind_key = behind_string(text, 0);
  const std::size_t colon = behind_key == kEnd ? kEnd : text.find(':', behind_key);
  if (colon == kEnd) return false;
  Member member{text, unquoted(text.substr(0, behind_key)), trimmed(text.substr(colon + 1))};
  std::erase_if(list, [&](const Member& earlier) { return earlier.key == member.key; });
  list.push_back(std::move(member));
  return true;
}

}  // namespace

std::optional<Members> split_members(std::string_view text) {
  Members out;
  text = trimmed(text);
  if (!text.starts_with('{') || !text.ends_with('}')) return std::nullopt;
  text.remove_prefix(1);
  text.remove_suffix(1);
  int depth = 0;
  std::size_t begin = 0, members = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      at = behind_string(text, at);
      if (at == kEnd) return std::nullopt;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',' || c == ':' || c == '[') ++out.values;
    if (c == ',' && depth == 0) {
      if (!add(out.list, text.substr(begin, at - begin))) return std::nullopt;
      if (++members == kMaxMembers) return Members{std::move(out.list), kTooMany};
      begin = at + 1;
    }
    ++at;
  }
  if (!add(out.list, text.substr(begin))) return std::nullopt;
  return out;
}

}  // namespace lwm2m
