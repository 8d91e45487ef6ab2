// What the texts of topics mean. Pure functions; any thread.
#pragma once

#include <string_view>

#include "emqx_sn/packet.hpp"
#include "keel/utf8.hpp"

namespace sn {

inline bool has_wildcard(std::string_view text) {
  return text.find_first_of("+#") != std::string_view::npos;
}

// Whether it can be a filter as far as its octets go.
inline bool is_topic_text(std::string_view text) {
  return !text.empty() && text.find('\0') == std::string_view::npos && keel::is_utf8(text);
}

// Whether something can be published to it.
inline bool is_topic_name(std::string_view text) {
  return is_topic_text(text) && !has_wildcard(text);
}

// Paho's clients write the whole name at the beginning of the data of a PUBLISH with QoS -1, and
// its length where the topic id would be. False: there is none, and nothing is changed.
inline bool take_long_name(const Packet& packet, std::string_view& topic,
                           std::string_view& payload) {
  const std::string_view name = packet.text.substr(0, packet.topic_id);
  if (name.size() != packet.topic_id || !is_topic_name(name)) return false;
  topic = name;
  payload = packet.text.substr(name.size());
  return true;
}

// The filter behind "$share/<group>/" or "$queue/", with which deliveries match; the filter itself
// if it is not shared, and nothing if it is shared and there is nothing behind.
inline std::string_view without_share(std::string_view filter) {
  constexpr std::string_view kQueue = "$queue/", kShare = "$share/";
  if (filter.starts_with(kQueue)) return filter.substr(kQueue.size());
  if (!filter.starts_with(kShare)) return filter;
  const std::size_t slash = filter.find('/', kShare.size());
  return slash == std::string_view::npos ? std::string_view() : filter.substr(slash + 1);
}

}  // namespace sn
