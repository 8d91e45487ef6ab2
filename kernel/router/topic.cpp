#include "kernel/router/topic.hpp"

#include <algorithm>

#include "kernel/base/utf8.hpp"

namespace keel::kernel {
namespace {

constexpr std::string_view kShare = "$share/", kQueue = "$queue/";
constexpr std::size_t kMaxString = 65'535;  // what an MQTT string can hold

// Where the next `+` or `#` stands, from `at` on; size(): nowhere. find_first_of() would call
// memchr() for each character.
std::size_t find_wildcard(std::string_view filter, std::size_t at = 0) {
  while (at < filter.size() && filter[at] != '+' && filter[at] != '#') ++at;
  return at;
}

// Takes the share prefix off. False: a share prefix without a proper group or filter.
bool split_share(std::string_view text, ParsedFilter& out) {
  out.filter = text;
  if (text.starts_with(kQueue)) {
    out.group = text.substr(0, kQueue.size() - 1);
    out.filter = text.substr(kQueue.size());
    return !out.filter.empty();
  }
  if (!text.starts_with(kShare)) return text != "$share" && text != "$queue";
  text.remove_prefix(kShare.size());
  const std::size_t slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos || slash + 1 == text.size()) return false;
  out.group = text.substr(0, slash);
  out.filter = text.substr(slash + 1);
  return find_wildcard(out.group) == out.group.size();
}

// `+` fills a level, `#` fills the last one.
bool wildcards_well_placed(std::string_view filter) {
  for (std::size_t at = find_wildcard(filter); at < filter.size();
       at = find_wildcard(filter, at + 1)) {
    if (at > 0 && filter[at - 1] != '/') return false;
    const bool last = at + 1 == filter.size();
    if (filter[at] == '#' ? !last : !last && filter[at + 1] != '/') return false;
  }
  return true;
}

// Cuts the first level off `rest`; `more` says whether another one follows.
std::string_view next_level(std::string_view& rest, bool& more) {
  const std::size_t slash = rest.find('/');
  more = slash != std::string_view::npos;
  const std::string_view level = rest.substr(0, slash);
  rest.remove_prefix(more ? slash + 1 : rest.size());
  return level;
}

}  // namespace

FilterError parse_filter(std::string_view text, std::uint32_t max_length, std::uint32_t max_levels,
                         ParsedFilter& out) {
  out = {};
  if (text.empty()) return FilterError::empty;
  if (text.size() > kMaxString || (max_length != 0 && text.size() > max_length))
    return FilterError::too_long;
  if (!valid_utf8(text)) return FilterError::bad_utf8;
  if (!split_share(text, out)) return FilterError::bad_share;
  if (!wildcards_well_placed(out.filter)) return FilterError::bad_wildcard;
  if (max_levels != 0 && topic_levels(out.filter) > max_levels) return FilterError::too_deep;
  out.wildcard = find_wildcard(out.filter) != out.filter.size();
  return FilterError::none;
}

std::string_view filter_error_text(FilterError error) {
  switch (error) {
    case FilterError::none:
      return "no error";
    case FilterError::empty:
      return "the topic filter is empty; give at least one character";
    case FilterError::bad_utf8:
      return "the topic filter is not valid UTF-8 or holds U+0000";
    case FilterError::bad_wildcard:
      return "a wildcard must fill its whole level, and '#' must be the last one, as in a/+/b/#";
    case FilterError::bad_share:
      return "a shared subscription reads $share/<group>/<filter> or $queue/<filter>, the group "
             "without '/', '+' and '#'";
    case FilterError::too_long:
      return "the topic filter is longer than limits.max_topic_length allows";
    case FilterError::too_deep:
      return "the topic filter has more levels than limits.max_topic_levels allows";
  }
  return "unknown error";
}

bool topic_matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  bool more_filter = true, more_topic = true;
  while (more_filter) {
    const std::string_view wanted = next_level(filter, more_filter);
    if (wanted == "#") return true;  // also the parent level itself, when the topic has ended
    if (!more_topic) return false;
    const std::string_view level = next_level(topic, more_topic);
    if (wanted != "+" && wanted != level) return false;
  }
  return !more_topic;
}

std::uint32_t topic_levels(std::string_view topic) {
  return static_cast<std::uint32_t>(std::count(topic.begin(), topic.end(), '/')) + 1;
}

}  // namespace keel::kernel
