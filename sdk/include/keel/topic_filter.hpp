// Topic filters [MQTT5 4.7]: whether a text is one, and how two of them stand to each other. A
// topic name is a filter without wildcards. The walks are templates, for rules that keep their
// levels in another form. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace keel {

// The levels of a filter, one after the other. An empty level is a level.
class FilterLevels {
 public:
  explicit FilterLevels(std::string_view filter) : rest_(filter) {}

  bool ended() const { return ended_; }
  std::string_view level() const { return rest_.substr(0, rest_.find('/')); }
  void next() {
    const std::size_t cut = rest_.find('/');
    ended_ = cut == std::string_view::npos;
    if (!ended_) rest_.remove_prefix(cut + 1);
  }
  bool hash() const { return level() == "#"; }
  bool plus() const { return level() == "+"; }
  // Whether it has all that `asked` has, which is a level of a filter.
  bool holds(std::string_view asked) const { return plus() ? asked != "#" : level() == asked; }

 private:
  std::string_view rest_;
  bool ended_ = false;
};

// Whether every topic that `asked` matches is matched by `rule` too, and whether there can be a
// topic that both match. Of the first levels alone the caller knows whether one begins with $ and
// the other is a wildcard, see filters_apart(): then the answer is no to both.
//   Rule: ended(), next(), hash(), holds(level). Asked: ended(), next(), hash(), plus(), level().
template <class Rule, class Asked>
bool levels_cover(Rule rule, Asked asked) {
  for (; !rule.ended() && !asked.ended(); rule.next(), asked.next()) {
    if (rule.hash()) return true;
    if (!rule.holds(asked.level())) return false;
  }
  return asked.ended() && (rule.ended() || rule.hash());
}
template <class Rule, class Asked>
bool levels_overlap(Rule rule, Asked asked) {
  for (; !rule.ended() && !asked.ended(); rule.next(), asked.next()) {
    if (rule.hash() || asked.hash()) return true;
    if (!asked.plus() && !rule.holds(asked.level())) return false;
  }
  return (rule.ended() || rule.hash()) && (asked.ended() || asked.hash());
}

// Topics beginning with $ are not matched by filters that begin with a wildcard.
inline bool filters_apart(std::string_view a, std::string_view b) {
  const auto wild = [](std::string_view filter) {
    return filter.starts_with('+') || filter.starts_with('#');
  };
  return (a.starts_with('$') && wild(b)) || (b.starts_with('$') && wild(a));
}

inline bool filter_covers(std::string_view rule, std::string_view asked) {
  return !filters_apart(rule, asked) && levels_cover(FilterLevels(rule), FilterLevels(asked));
}
inline bool filters_overlap(std::string_view a, std::string_view b) {
  return !filters_apart(a, b) && levels_overlap(FilterLevels(a), FilterLevels(b));
}

// Whether a text can be subscribed to: wildcards are whole levels, # is the last one. Whether it is
// UTF-8 is another question, see utf8.hpp.
inline bool is_topic_filter(std::string_view text) {
  constexpr std::size_t kLongest = 65'535;  // what a packet can carry
  if (text.empty() || text.size() > kLongest || text.find('\0') != std::string_view::npos) {
    return false;
  }
  for (FilterLevels levels(text); !levels.ended(); levels.next()) {
    const std::string_view level = levels.level();
    if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) return false;
    if (levels.hash() && level.data() + 1 != text.data() + text.size()) return false;
  }
  return true;
}

}  // namespace keel
