#include "kernel/retained/filter_seek.hpp"

#include <algorithm>

#include "kernel/retained/topic_order.hpp"

namespace keel::kernel {
namespace {

std::size_t level_end(std::string_view text, std::size_t begin) {
  return std::min(text.find('/', begin), text.size());
}

// Nothing below the level that the last '+' took can match any more; without a '+' nothing at all.
FilterStep give_up(std::string_view topic, std::size_t plus_end, std::string& key) {
  if (plus_end == std::string_view::npos) return FilterStep::done;
  topic_order::key_behind_subtree(topic.substr(0, plus_end), key);
  return FilterStep::seek;
}

// The topic has ended, the filter wants more levels, `rest` of it: they stand below the topic.
FilterStep go_below(std::string_view rest, std::string_view topic, std::string& key) {
  if (rest == "#") return FilterStep::match;
  topic_order::key_behind(topic, key);
  const std::string_view level = rest.substr(0, level_end(rest, 0));
  if (level != "+") key += level;
  return FilterStep::seek;
}

}  // namespace

FilterStep filter_step(std::string_view filter, std::string_view topic, std::string& key) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) {
    key = "%";  // the first one behind every "$..."
    return FilterStep::seek;
  }
  std::size_t in_filter = 0, in_topic = 0, plus_end = std::string_view::npos;
  for (;;) {
    const std::size_t filter_end = level_end(filter, in_filter);
    const std::string_view wanted = filter.substr(in_filter, filter_end - in_filter);
    if (wanted == "#") return FilterStep::match;
    const std::size_t topic_end = level_end(topic, in_topic);
    const std::string_view level = topic.substr(in_topic, topic_end - in_topic);
    if (wanted == "+") {
      plus_end = topic_end;
    } else if (const int order = topic_order::compare(level, wanted); order < 0) {
      key.assign(topic.substr(0, in_topic)) += wanted;
      return FilterStep::seek;
    } else if (order > 0) {
      return give_up(topic, plus_end, key);
    }
    const bool filter_done = filter_end == filter.size(), topic_done = topic_end == topic.size();
    if (filter_done) return topic_done ? FilterStep::match : give_up(topic, plus_end, key);
    if (topic_done) return go_below(filter.substr(filter_end + 1), topic, key);
    in_filter = filter_end + 1;
    in_topic = topic_end + 1;
  }
}

}  // namespace keel::kernel
