#include "kernel/config/loose_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "kernel/base/utf8.hpp"
#include "kernel/config/trim.hpp"

namespace keel::kernel {

namespace {

std::string_view without_blanks(std::string_view text) { return trimmed(text, " \t\r"); }

// Follows TOML's strings, brackets and comments far enough to know where a value ends.
class ValueScanner {
 public:
  explicit ValueScanner(std::string_view text) : text_(text) {}

  // The length up to the newline that ends the value, or to the end of the text. Nothing when that
  // comes first inside a string or a bracket.
  std::optional<std::size_t> length() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n' && depth_ == 0) return at_;
      if (c == '"' || c == '\'') {
        if (!skip_string(c)) return std::nullopt;
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '[' || c == '{') ++depth_;
      if ((c == ']' || c == '}') && depth_ > 0) --depth_;
      ++at_;
    }
    if (depth_ != 0) return std::nullopt;
    return at_;
  }

 private:
  // False: it has no end. One of a single line that has none ends with the line; the parser will
  // say so.
  bool skip_string(char quote) {
    const std::string three(3, quote);
    const bool is_long = text_.substr(at_).starts_with(three);
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        at_ = std::min(at_ + 2, text_.size());
      } else if (is_long ? text_.substr(at_).starts_with(three) : c == quote) {
        at_ += is_long ? 3 : 1;
        return true;
      } else if (c == '\n' && !is_long) {
        return true;
      } else {
        ++at_;
      }
    }
    return !is_long;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

class LooseReader {
 public:
  LooseReader(const std::string& source, std::vector<Entry>& entries, Problems& problems)
      : source_(source), entries_(entries), problems_(problems) {}

  void read(std::string_view text) {
    while (!text.empty() && !problems_.full()) {
      const std::size_t length = statement_length(text);
      const auto statement = text.substr(0, length);
      read_statement(statement);
      line_ += static_cast<std::size_t>(std::count(statement.begin(), statement.end(), '\n')) + 1;
      text.remove_prefix(std::min(length + 1, text.size()));
    }
  }

 private:
  // One line, or as many as its value takes.
  std::size_t statement_length(std::string_view text) {
    const auto line_end = std::min(text.find('\n'), text.size());
    const auto equals = text.substr(0, line_end).find('=');
    if (equals == std::string_view::npos || endless_) return line_end;
    const auto value = without_blanks(text.substr(equals + 1, line_end - equals - 1));
    const bool may_go_on = value.starts_with('[') || value.starts_with('{') ||
                           value.starts_with("\"\"\"") || value.starts_with("'''");
    if (without_blanks(text.substr(0, line_end)).starts_with('#') || !may_go_on) return line_end;
    const auto length = ValueScanner(text.substr(equals + 1)).length();
    if (length) return equals + 1 + *length;
    endless_ = true;  // and so would be others; they are not followed to the end again
    return line_end;
  }

  void read_statement(std::string_view statement) {
    const auto content = without_blanks(statement);
    if (content.empty() || (content.starts_with('#') && valid_utf8(content))) return;
    std::vector<Entry> found;
    Problems none;
    read_toml(statement, source_, found, none, line_);
    if (none.empty()) {
      if (content.starts_with('[')) {
        open_section(std::move(found));
      } else {
        for (auto& entry : found) add(std::move(entry));
      }
    } else if (auto entry = bare_entry(statement)) {
      add(std::move(*entry));
    } else {
      read_toml(statement, source_, found, problems_, line_);
    }
  }

  void open_section(std::vector<Entry> found) {
    const auto& header = found.back();
    if (header.kind != Entry::Kind::empty_section) {
      problems_.add(header.key_at, "lists of sections are not used; write [section]");
      return;
    }
    section_ = header.path;
    header_ = entries_.size();
    entries_.push_back(header);
  }

  void add(Entry entry) {
    entry.path.insert(entry.path.begin(), section_.begin(), section_.end());
    if (!section_.empty()) entries_[header_].kind = Entry::Kind::section;
    if (entry.kind == Entry::Kind::value) {
      const auto [known, fresh] = places_.emplace(entry.path, entry.key_at);
      if (!fresh) {
        problems_.add(entry.key_at, fmt::format("'{}' is set twice, also at {}; remove one of the "
                                                "two",
                                                dotted(entry.path), known->second));
        return;
      }
    }
    entries_.push_back(std::move(entry));
  }

  std::optional<Entry> bare_entry(std::string_view line) const {
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || line.find('\n') != std::string_view::npos) {
      return std::nullopt;
    }
    const auto key = without_blanks(line.substr(0, equals));
    auto path = split_bare_key(key);
    auto value = without_blanks(line.substr(equals + 1));
    for (std::size_t i = 1; i < value.size(); ++i) {
      if (value[i] == '#' && (value[i - 1] == ' ' || value[i - 1] == '\t')) {
        value = without_blanks(value.substr(0, i));
      }
    }
    const bool is_toml =
        value.empty() || std::string_view("\"'[{#").find(value.front()) != std::string_view::npos;
    if (!path || is_toml || !valid_utf8(value)) return std::nullopt;
    Entry entry;
    entry.path = std::move(*path);
    entry.raw = bare_value(value);
    entry.key_at = place(key.substr(key.rfind('.') + 1), line);  // as the parser counts
    entry.value_at = place(value, line);
    return entry;
  }

  std::string place(std::string_view part, std::string_view line) const {
    return fmt::format("{}:{}:{}", source_, line_, part.data() - line.data() + 1);
  }

  const std::string& source_;
  std::vector<Entry>& entries_;
  Problems& problems_;
  std::size_t line_ = 1;
  bool endless_ = false;
  std::vector<std::string> section_;
  std::size_t header_ = 0;  // of the section, in entries_
  std::map<std::vector<std::string>, std::string> places_;
};

}  // namespace

void read_loose(std::string_view text, const std::string& source, std::vector<Entry>& entries,
                Problems& problems) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  LooseReader(source, entries, problems).read(text);
}

}  // namespace keel::kernel
