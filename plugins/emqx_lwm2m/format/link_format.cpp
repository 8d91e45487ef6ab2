#include "emqx_lwm2m/format/link_format.hpp"

#include "emqx_lwm2m/format/value.hpp"

namespace lwm2m {

namespace {

constexpr std::size_t kMaxAttributes = 64;

// Reads from the front of a text; what does not fit makes it broken for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void skip_blanks() {
    const std::size_t n = rest_.find_first_not_of(kBlanks);
    rest_.remove_prefix(n == std::string_view::npos ? rest_.size() : n);
  }
  bool at_end() const { return rest_.empty(); }
  bool next_is(char c) const { return rest_.starts_with(c); }
  bool take(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Up to `end`, which is taken as well.
  std::optional<std::string_view> take_through(char end) {
    const std::size_t n = rest_.find(end);
    if (n == std::string_view::npos) return std::nullopt;
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n + 1);
    return out;
  }
  // Up to one of `ends`, or the end.
  std::string_view take_until(std::string_view ends) {
    const std::string_view out = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(out.size());
    return out;
  }
  // After the opening quote.
  std::optional<std::string_view> take_quoted() {
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        const std::string_view out = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return out;
      }
    }
    return std::nullopt;
  }
  const char* here() const { return rest_.data(); }

 private:
  std::string_view rest_;
};

// After the semicolon and blanks; false: it is none.
bool read_attribute(Reader& in, Link& link) {
  Link::Attribute out;
  out.name = in.take_until(" \t\r\n=;,<>\"");
  if (out.name.empty()) return in.at_end() || in.next_is(';') || in.next_is(',');
  if (in.take('=')) {
    out.value = in.take('"') ? in.take_quoted() : in.take_until(" \t\r\n;,<>\"");
    if (!out.value) return false;
  }
  link.attributes.push_back(out);
  return link.attributes.size() <= kMaxAttributes;
}

std::optional<Link> read_link(Reader& in) {
  const char* const begin = in.here();
  if (!in.take('<')) return std::nullopt;
  const auto target = in.take_through('>');
  if (!target || target->find('<') != std::string_view::npos) return std::nullopt;
  Link out;
  out.target = *target;
  const char* end = in.here();
  for (in.skip_blanks(); in.take(';'); in.skip_blanks()) {
    in.skip_blanks();
    if (!read_attribute(in, out)) return std::nullopt;
    end = in.here();
  }
  out.text = std::string_view(begin, static_cast<std::size_t>(end - begin));
  return out;
}

}  // namespace

const Link::Attribute* Link::find(std::string_view name) const {
  for (const Attribute& known : attributes) {
    if (known.name == name) return &known;
  }
  return nullptr;
}

std::optional<std::vector<Link>> parse_links(std::string_view text, std::size_t most) {
  if (!printable(text)) return std::nullopt;
  std::vector<Link> out;
  Reader in(text);
  for (in.skip_blanks(); !in.at_end(); in.skip_blanks()) {
    if (in.take(',')) continue;
    auto link = read_link(in);
    if (!link || out.size() == most) return std::nullopt;
    out.push_back(std::move(*link));
    if (!in.at_end() && !in.next_is(',')) return std::nullopt;
  }
  return out;
}

}  // namespace lwm2m
