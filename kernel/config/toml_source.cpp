#include "kernel/config/toml_source.hpp"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <optional>

#include "kernel/base/utf8.hpp"
#include "kernel/config/trim.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::string_view kEnvironmentPrefix = "KEEL__";

bool is_bare_key(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

RawValue from_array(const toml::array& array) {
  std::vector<std::string> list;
  for (const auto& element : array) {
    const auto* text = element.as_string();
    if (text == nullptr) return {{}, "a list of other things than strings", {}};
    list.push_back(text->get());
  }
  std::string shown = shorten(quote_toml(list));
  return {std::move(list), std::move(shown), {}};
}

RawValue from_node(const toml::node& node) {
  if (const auto* text = node.as_string())
    return {text->get(), shorten(quote_toml(text->get())), {}};
  if (const auto* yes = node.as_boolean()) return {yes->get(), yes->get() ? "true" : "false", {}};
  if (const auto* number = node.as_integer()) {
    return {number->get(), fmt::format("{}", number->get()), {}};
  }
  if (const auto* number = node.as_floating_point()) {
    return {number->get(), fmt::format("{}", number->get()), {}};
  }
  if (const auto* array = node.as_array()) return from_array(*array);
  return {{}, "a date or time", {}};
}

// Walks a parsed table. `place` turns a position into text; overrides have one place for
// everything. `literal` finds what stands at a position.
template <class Place, class Literal>
class Flattener {
 public:
  Flattener(std::vector<Entry>& entries, Place place, Literal literal)
      : entries_(entries), place_(place), literal_(literal) {}

  void table(const toml::table& table, const std::vector<std::string>& prefix) {
    for (const auto& [key, node] : table) {
      std::vector<std::string> path = prefix;
      path.emplace_back(key.str());
      add(std::move(path), node, key.source().begin);
    }
  }

  void add(std::vector<std::string> path, const toml::node& node, toml::source_position key_at) {
    const auto value_at = node.source().begin;
    Found found{key_at ? key_at : value_at, {}};
    found.entry.path = path;
    found.entry.key_at = place_(found.at);
    found.entry.value_at = place_(value_at ? value_at : found.at);
    const auto* inner = node.as_table();
    if (inner == nullptr) {
      found.entry.raw = from_node(node);
      if (!node.is_string() && !node.is_array()) found.entry.raw.literal = literal_(value_at);
    } else {
      found.entry.kind = inner->empty() || path.size() >= kMaxDepth ? Entry::Kind::empty_section
                                                                    : Entry::Kind::section;
    }
    const bool descend = found.entry.kind == Entry::Kind::section;
    found_.push_back(std::move(found));
    if (descend) table(*inner, path);
  }

  // toml++ keeps tables sorted by key; people expect the order they wrote.
  void finish() {
    std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
      return std::pair(a.at.line, a.at.column) < std::pair(b.at.line, b.at.column);
    });
    for (auto& found : found_) entries_.push_back(std::move(found.entry));
  }

 private:
  struct Found {
    toml::source_position at;
    Entry entry;
  };
  std::vector<Entry>& entries_;
  Place place_;
  Literal literal_;
  std::vector<Found> found_;
};

// Finds numbers and such as they were written; the parser only keeps what they mean.
class Literals {
 public:
  explicit Literals(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      lines_.push_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  std::string at(toml::source_position place) const {
    if (place.line == 0 || place.line > lines_.size()) return {};
    std::string_view rest = lines_[place.line - 1];
    for (std::size_t column = 1; column < place.column && !rest.empty(); ++column) {
      do rest.remove_prefix(1);  // columns count characters
      while (!rest.empty() && (static_cast<unsigned char>(rest.front()) & 0xc0) == 0x80);
    }
    rest = rest.substr(0, rest.find_first_of(",]}#\r"));
    const auto last = rest.find_last_not_of(" \t");
    return std::string(rest.substr(0, last == std::string_view::npos ? 0 : last + 1));
  }

 private:
  std::vector<std::string_view> lines_;
};

// The parser nests one table per dot and frees them recursively; a file of nothing but dots would
// exhaust the stack. Answers the line that goes too far, 0 for none.
std::size_t too_many_dots(std::string_view text) {
  constexpr std::size_t kPerLine = 32;
  constexpr std::size_t kBeyond = 4'000;
  std::size_t line = 1;
  std::size_t dots = 0;
  std::size_t beyond = 0;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
    } else if (c == '.' && ++dots > kPerLine && ++beyond > kBeyond) {
      return line;
    }
  }
  return 0;
}

// The parser's words, without its trailing context, and what usually helps.
std::string syntax_error(std::string_view description) {
  std::string what(description);
  if (const auto newline = what.find('\n'); newline != std::string::npos) what.resize(newline);
  std::string clean;
  clean = std::string(printable(what, clean, 200));
  if (description.find("redefine") != std::string_view::npos) {
    return "not valid TOML: " + clean + "; remove one of the two";
  }
  return "not valid TOML: " + clean + "; write key = value, strings in \"quotes\"";
}

// `text` as one TOML value; nothing when it is none.
std::optional<toml::table> parse_value(std::string_view text) {
  if (too_many_dots(text) != 0) return std::nullopt;
  try {
    toml::table parsed = toml::parse("v = " + std::string(text));
    if (parsed.size() == 1 && parsed.contains("v")) return parsed;
  } catch (const toml::parse_error&) {
  }
  return std::nullopt;
}

void read_assignment(std::vector<std::string> path, std::string_view text, const std::string& at,
                     bool any_case, std::vector<Entry>& entries, Problems& problems) {
  if (!valid_utf8(text)) {
    problems.add(at, "the value is not valid UTF-8 text; write it in UTF-8");
    return;
  }
  const std::size_t first = entries.size();
  if (const auto parsed = parse_value(text)) {
    Flattener flattener(
        entries, [&at](toml::source_position) { return at; },
        [](toml::source_position) { return std::string(); });
    flattener.add(std::move(path), *parsed->get("v"), {});
    flattener.finish();
  } else {
    Entry entry;
    entry.path = std::move(path);
    entry.raw = bare_value(text);
    entry.key_at = entry.value_at = at;
    entries.push_back(std::move(entry));
  }
  if (entries[first].kind == Entry::Kind::value) entries[first].raw.bare = std::string(text);
  for (std::size_t i = first; i < entries.size(); ++i) entries[i].any_case = any_case;
}

// Splits at `separator`; nothing when a part is empty or no plain key.
std::optional<std::vector<std::string>> split_key(std::string_view key,
                                                  std::string_view separator) {
  std::vector<std::string> path;
  for (;;) {
    const auto end = key.find(separator);
    const auto part = key.substr(0, end);
    if (!is_bare_key(part) || path.size() >= kMaxDepth) return std::nullopt;
    path.emplace_back(part);
    if (end == std::string_view::npos) return path;
    key.remove_prefix(end + separator.size());
  }
}

}  // namespace

RawValue bare_value(std::string_view text) {
  return {std::string(text), shorten(quote_toml(text)), std::string(text)};
}

std::optional<std::vector<std::string>> split_bare_key(std::string_view key) {
  return split_key(key, ".");
}

std::string dotted(const std::vector<std::string>& path) {
  std::string all;
  for (const auto& part : path) {
    if (!all.empty()) all += '.';
    all += is_bare_key(part) ? part : quote_toml(part);
  }
  return shorten(std::move(all));
}

void read_toml(std::string_view text, const std::string& source, std::vector<Entry>& entries,
               Problems& problems, std::size_t first_line) {
  const auto place = [&source, first_line](toml::source_position at) {
    return fmt::format("{}:{}:{}", source, at.line + first_line - 1, at.column);
  };
  if (const auto line = too_many_dots(text); line != 0) {
    problems.add(fmt::format("{}:{}:1", source, line + first_line - 1),
                 "too many dots; split the line");
    return;
  }
  try {
    const toml::table parsed = toml::parse(text);
    const Literals literals(text);
    Flattener flattener(entries, place,
                        [&literals](toml::source_position at) { return literals.at(at); });
    flattener.table(parsed, {});
    flattener.finish();
  } catch (const toml::parse_error& error) {
    problems.add(place(error.source().begin), syntax_error(error.description()));
  }
}

void read_override(std::string_view assignment, std::vector<Entry>& entries, Problems& problems) {
  const auto equals = assignment.find('=');
  const auto key = trimmed(assignment.substr(0, equals));
  auto path = split_key(key, ".");
  std::string buffer;
  const std::string at = fmt::format("--set {}=...", printable(key, buffer));
  if (equals == std::string_view::npos || !path) {
    problems.add(at, "not an assignment; write --set section.key=value");
    return;
  }
  read_assignment(std::move(*path), trimmed(assignment.substr(equals + 1)), at, false, entries,
                  problems);
}

void read_environment(std::string_view name, std::string_view value, std::vector<Entry>& entries,
                      Problems& problems) {
  if (!name.starts_with(kEnvironmentPrefix)) return;
  std::string key(name.substr(kEnvironmentPrefix.size()));
  std::transform(key.begin(), key.end(), key.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  auto path = split_key(key, "__");
  std::string buffer;
  const std::string at = fmt::format("environment {}", printable(name, buffer));
  if (!path) {
    problems.add(at, "names no setting; write KEEL__SECTION__KEY=value");
    return;
  }
  read_assignment(std::move(*path), trimmed(value), at, true, entries, problems);
}

}  // namespace keel::kernel
