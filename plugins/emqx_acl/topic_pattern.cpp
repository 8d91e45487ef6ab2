#include "emqx_acl/topic_pattern.hpp"

#include <algorithm>
#include <utility>

#include <keel/text.hpp>
#include <keel/topic_filter.hpp>

namespace emqx_acl {
namespace {

constexpr std::size_t kLongest = 65'535;  // what an MQTT string can hold

// The levels of the topic asked about, one after the other.
class AskedLevels {
 public:
  explicit AskedLevels(const Topic& topic) : rest_(topic.levels()) {}

  bool ended() const { return rest_.empty(); }
  void next() { rest_ = rest_.subspan(1); }
  std::string_view level() const { return rest_.front(); }
  bool hash() const { return level() == "#"; }
  bool plus() const { return level() == "+"; }

 private:
  std::span<const std::string_view> rest_;
};

}  // namespace

// The levels of a pattern, one after the other, as they are for these names.
class TopicPattern::Walk {
 public:
  Walk(const TopicPattern& pattern, Relation relation, const Names& names)
      : pattern_(pattern), relation_(relation), names_(names) {}

  bool ended() const { return at_ == pattern_.levels_.size(); }
  void next() { ++at_; }
  bool hash() const { return kind() == Level::Kind::hash; }
  bool holds(std::string_view asked) const {
    if (kind() == Level::Kind::plus) return asked != "#" || relation_ != Relation::covers;
    return pattern_.level_holds(at_, asked, names_);
  }

 private:
  Level::Kind kind() const { return pattern_.levels_[at_].kind; }

  const TopicPattern& pattern_;
  Relation relation_;
  const Names& names_;
  std::size_t at_ = 0;
};

std::optional<TopicPattern> TopicPattern::compile(std::string_view text, Dialect dialect,
                                                  std::string& error) {
  TopicPattern out;
  out.text_ = text;
  if (text.empty() || text.size() > kLongest) {
    error = text.empty() ? "a topic is empty; leave it out" : "a topic is longer than 65535 bytes";
    return std::nullopt;
  }
  const Topic topic(text);
  for (const std::string_view level : topic.levels()) {
    if (!out.levels_.empty() && out.levels_.back().kind == Level::Kind::hash) {
      error = keel::concat("topic \"", text, "\": nothing may follow '#'");
      return std::nullopt;
    }
    if (!parse_level(level, dialect, out.levels_.emplace_back(), error)) {
      error = keel::concat("topic \"", text, "\": ", error);
      return std::nullopt;
    }
    for (const Piece& piece : out.levels_.back().pieces) {
      if (piece.kind == Piece::Kind::text) continue;
      if (std::find(out.uses_.begin(), out.uses_.end(), piece.kind) == out.uses_.end()) {
        out.uses_.push_back(piece.kind);
      }
    }
  }
  // Every topic has a first level, so that these two are the same; as one, comparing is exact.
  if (out.levels_.size() == 2 && out.levels_[0].kind == Level::Kind::plus &&
      out.levels_[1].kind == Level::Kind::hash) {
    out.levels_.erase(out.levels_.begin());
  }
  return out;
}

TopicPattern TopicPattern::literal(std::string_view text) {
  TopicPattern out;
  out.literal_ = true;
  out.text_ = text;
  return out;
}

bool TopicPattern::parse_level(std::string_view text, Dialect dialect, Level& out,
                               std::string& error) {
  if (text == "+" || text == "#") {
    out.kind = text == "+" ? Level::Kind::plus : Level::Kind::hash;
    return true;
  }
  if (text.find_first_of("+#") != std::string_view::npos) {
    error = "a wildcard must fill its whole level, as in a/+/b/#";
    return false;
  }
  const bool erlang_name = text == "%u" || text == "%c" || text == "%cn";
  if (text.find('%') == std::string_view::npos || (dialect == Dialect::erlang && !erlang_name)) {
    out.text = text;
    return true;
  }
  return parse_pieces(text, out, error);
}

bool TopicPattern::parse_pieces(std::string_view text, Level& out, std::string& error) {
  out.kind = Level::Kind::filled;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) out.pieces.push_back({Piece::Kind::text, std::exchange(plain, {})});
  };
  while (!text.empty()) {
    if (!text.starts_with('%')) {
      plain += text.front();
      text.remove_prefix(1);
      continue;
    }
    if (text.starts_with("%%")) {
      plain += '%';
      text.remove_prefix(2);
      continue;
    }
    Piece piece;
    if (text.starts_with("%cn")) {
      piece.kind = Piece::Kind::cn;
    } else if (text.starts_with("%c")) {
      piece.kind = Piece::Kind::client;
    } else if (text.starts_with("%u")) {
      piece.kind = Piece::Kind::user;
    } else {
      error = "a percent sign begins %u, %c or %cn; write %% for the sign itself";
      return false;
    }
    flush();
    text.remove_prefix(piece.kind == Piece::Kind::cn ? 3 : 2);
    out.pieces.push_back(std::move(piece));
  }
  flush();
  if (out.pieces.size() == 1 && out.pieces[0].kind == Piece::Kind::text) {
    out.kind = Level::Kind::text;
    out.text = std::move(out.pieces[0].text);
    out.pieces.clear();
  }
  return true;
}

const Name& TopicPattern::name_of(Piece::Kind kind, const Names& names) {
  if (kind == Piece::Kind::user) return names.user;
  return kind == Piece::Kind::client ? names.client : names.cn;
}

// Whether what the placeholders stand for lets the pattern hold at all.
bool TopicPattern::usable(const Names& names, bool permit) const {
  for (const Piece::Kind kind : uses_) {
    const Name::State state = name_of(kind, names).state;
    if (state == Name::State::missing) return false;
    if (state == Name::State::unusable && permit) return false;
    if (state == Name::State::unknown && !permit) return false;
  }
  return !(permit && led_by_reserved(names));
}

// A name such as "$SYS" at the very start would make the topic one of the broker's own.
bool TopicPattern::led_by_reserved(const Names& names) const {
  if (levels_[0].kind != Level::Kind::filled) return false;
  const Piece& first = levels_[0].pieces[0];
  return first.kind != Piece::Kind::text && name_of(first.kind, names).text.starts_with('$');
}

// Wildcards at the start do not match topics that begin with $, on either side.
bool TopicPattern::clash_at_start(const Topic& topic, const Names& names) const {
  const Level& mine = levels_[0];
  if (mine.kind == Level::Kind::plus || mine.kind == Level::Kind::hash) return topic.reserved();
  const std::string_view theirs = topic.levels()[0];
  if (theirs != "+" && theirs != "#") return false;
  if (mine.kind == Level::Kind::text) return mine.text.starts_with('$');
  const Piece& first = mine.pieces[0];
  return first.kind == Piece::Kind::text && !led_by_reserved(names) && first.text.starts_with('$');
}

// A level that is a text or to be filled in, against one without wildcard.
bool TopicPattern::level_holds(std::size_t i, std::string_view asked, const Names& names) const {
  const Level& level = levels_[i];
  if (level.kind == Level::Kind::text) return level.text == asked;
  if (i == 0 && led_by_reserved(names)) return true;
  for (const Piece& piece : level.pieces) {
    if (piece.kind != Piece::Kind::text &&
        name_of(piece.kind, names).state != Name::State::usable) {
      return true;  // usable() has decided that this stands for everything
    }
  }
  for (const Piece& piece : level.pieces) {
    const std::string_view text =
        piece.kind == Piece::Kind::text ? piece.text : name_of(piece.kind, names).text;
    if (!asked.starts_with(text)) return false;
    asked.remove_prefix(text.size());
  }
  return asked.empty();
}

bool TopicPattern::holds(Relation relation, const Topic& topic, const Names& names,
                         bool permit) const {
  if (literal_) return topic.text() == text_;
  if (!uses_.empty() && !usable(names, permit)) return false;
  if (clash_at_start(topic, names)) return false;
  const Walk mine(*this, relation, names);
  const AskedLevels asked(topic);
  return relation == Relation::overlaps ? keel::levels_overlap(mine, asked)
                                        : keel::levels_cover(mine, asked);
}

std::string TopicPattern::filled(const Names& names) const {
  if (literal_ || uses_.empty()) return text_;
  std::string out;
  for (const Level& level : levels_) {
    if (&level != &levels_.front()) out += '/';
    if (level.kind == Level::Kind::plus) out += '+';
    if (level.kind == Level::Kind::hash) out += '#';
    if (level.kind == Level::Kind::text) out += level.text;
    for (const Piece& piece : level.pieces) {
      out += piece.kind == Piece::Kind::text ? std::string_view(piece.text)
                                             : name_of(piece.kind, names).text;
    }
  }
  return out;
}

}  // namespace emqx_acl
