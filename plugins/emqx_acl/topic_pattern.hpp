// A topic of a rule: levels, wildcards, placeholders, or a text to compare literally. Immutable
// once compiled; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_acl/request.hpp"

namespace emqx_acl {

// How the topics of a rule are read.
enum class Dialect : std::uint8_t {
  toml,   // placeholders anywhere in a level, %% is a percent sign
  erlang  // a placeholder is a whole level, any other % is a letter, as in EMQ X
};

// How a pattern and the topic asked about may stand to each other.
enum class Relation : std::uint8_t {
  matches,   // the topic name is one of the pattern's
  covers,    // every topic of the filter is one of the pattern's
  overlaps,  // some topic of the filter is one of the pattern's
  reads      // the pattern matches the filter's text, as EMQ X compares; `+` also stands for `#`
};

class TopicPattern {
 public:
  // `text` with wildcards and placeholders; an error says what is wrong with it.
  static std::optional<TopicPattern> compile(std::string_view text, Dialect dialect,
                                             std::string& error);
  // Compared letter by letter, with names and with filters.
  static TopicPattern literal(std::string_view text);

  // `permit`: an allow rule asks. What cannot be filled in then stands for nothing; in a deny rule
  // a name that does not fit a level stands for every level, so that nobody escapes by his name.
  // Of clients that are away the rules know less: what is unknown keeps what they have.
  bool holds(Relation relation, const Topic& topic, const Names& names, bool permit) const;

  bool is_literal() const { return literal_; }
  bool has_placeholders() const { return !uses_.empty(); }
  // As written, with "eq " before a literal one.
  std::string text() const { return literal_ ? "eq " + text_ : text_; }
  // For signatures: the levels, whether the last is `#`, one that is plain text.
  std::string_view words() const { return text_; }
  std::size_t depth() const { return levels_.size(); }
  bool open() const { return !levels_.empty() && levels_.back().kind == Level::Kind::hash; }
  std::optional<std::string_view> plain_level(std::size_t i) const {
    if (levels_[i].kind != Level::Kind::text) return std::nullopt;
    return levels_[i].text;
  }
  // As it is for these names: "data/ann/#".
  std::string filled(const Names& names) const;

 private:
  struct Piece {
    enum class Kind : std::uint8_t { text, user, client, cn } kind = Kind::text;
    std::string text = {};
  };
  struct Level {
    enum class Kind : std::uint8_t { text, plus, hash, filled } kind = Kind::text;
    std::string text = {};           // of a text
    std::vector<Piece> pieces = {};  // of one to be filled in
  };

  class Walk;

  static bool parse_level(std::string_view text, Dialect dialect, Level& out, std::string& error);
  static bool parse_pieces(std::string_view text, Level& out, std::string& error);
  static const Name& name_of(Piece::Kind kind, const Names& names);
  bool usable(const Names& names, bool permit) const;
  bool led_by_reserved(const Names& names) const;
  bool clash_at_start(const Topic& topic, const Names& names) const;
  bool level_holds(std::size_t i, std::string_view asked, const Names& names) const;

  bool literal_ = false;
  std::vector<Piece::Kind> uses_;  // the placeholders in it, each once
  std::string text_;
  std::vector<Level> levels_;
};

}  // namespace emqx_acl
