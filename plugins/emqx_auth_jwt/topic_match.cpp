#include "emqx_auth_jwt/topic_match.hpp"

#include <cstddef>

namespace jwt {

namespace {

constexpr std::size_t kMaxFilter = 65'535;

// The levels of a filter, one after the other. An empty level is a level.
class Levels {
 public:
  explicit Levels(std::string_view text) : rest_(text) {}

  bool ended() const { return ended_; }
  std::string_view level() const { return rest_.substr(0, rest_.find('/')); }
  void next() {
    const std::size_t cut = rest_.find('/');
    ended_ = cut == std::string_view::npos;
    if (!ended_) rest_.remove_prefix(cut + 1);
  }
  // Nothing is left, or only a # that matches nothing as well.
  bool may_end() const { return ended_ || rest_ == "#"; }

 private:
  std::string_view rest_;
  bool ended_ = false;
};

bool is_wildcard(std::string_view level) { return level == "#" || level == "+"; }

// Topics beginning with $ are not matched by filters that begin with a wildcard.
bool worlds_apart(std::string_view a, std::string_view b) {
  return (a.starts_with('$') && is_wildcard(b.substr(0, 1))) ||
         (b.starts_with('$') && is_wildcard(a.substr(0, 1)));
}

}  // namespace

bool is_filter(std::string_view text) {
  if (text.empty() || text.size() > kMaxFilter || text.find('\0') != std::string_view::npos) {
    return false;
  }
  for (Levels levels(text); !levels.ended(); levels.next()) {
    const std::string_view level = levels.level();
    if (is_wildcard(level)) {
      if (level == "#" && level.data() + 1 != text.data() + text.size()) return false;
    } else if (level.find_first_of("+#") != std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool covers(std::string_view rule, std::string_view asked) {
  if (worlds_apart(rule, asked)) return false;
  Levels have(rule), want(asked);
  for (; !have.ended() && !want.ended(); have.next(), want.next()) {
    if (have.level() == "#") return true;
    if (have.level() == "+" ? want.level() == "#" : have.level() != want.level()) return false;
  }
  return want.ended() && have.may_end();
}

bool overlaps(std::string_view rule, std::string_view asked) {
  if (worlds_apart(rule, asked)) return false;
  Levels a(rule), b(asked);
  for (; !a.ended() && !b.ended(); a.next(), b.next()) {
    if (a.level() == "#" || b.level() == "#") return true;
    if (a.level() != "+" && b.level() != "+" && a.level() != b.level()) return false;
  }
  return a.may_end() && b.may_end();
}

}  // namespace jwt
