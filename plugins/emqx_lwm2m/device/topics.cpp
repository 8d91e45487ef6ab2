#include "emqx_lwm2m/device/topics.hpp"

#include "emqx_lwm2m/settings.hpp"

namespace lwm2m {
namespace {

constexpr std::string_view kEndpoint = "%e", kAddress = "%a", kLongEndpoint = "${endpoint_name}";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
    text.replace(at, what.size(), with);
}

// Takes the next level off; false: there is none.
bool next_level(std::string_view& rest, bool& more, std::string_view& level) {
  if (!more) return false;
  const std::size_t slash = rest.find('/');
  level = rest.substr(0, slash);
  more = slash != rest.npos;
  rest = more ? rest.substr(slash + 1) : std::string_view();
  return true;
}

// The level of the endpoint; none: the topic is not one of the template.
std::optional<std::string_view> match(std::string_view whole, std::string_view topic) {
  std::optional<std::string_view> endpoint;
  bool more_wanted = !whole.empty(), more = true;
  std::string_view wanted, level;
  while (next_level(whole, more_wanted, wanted)) {
    if (wanted == "#") return endpoint;
    if (!next_level(topic, more, level)) return std::nullopt;
    if (wanted == kEndpoint)
      endpoint = level;
    else if (wanted != "+" && wanted != level)
      return std::nullopt;
  }
  return more ? std::nullopt : endpoint;
}

}  // namespace

std::string whole_template(std::string_view mountpoint, std::string_view topic) {
  std::string out;
  if (!topic.starts_with("lwm2m/")) out = mountpoint;
  out += topic;
  replace_all(out, kLongEndpoint, kEndpoint);
  return out;
}

std::string expand(std::string_view whole, const TopicNames& names) {
  std::string out;
  out.reserve(whole.size() + names.level.size() + names.address.size());
  while (!whole.empty()) {
    const std::size_t at = std::min(whole.find('%'), whole.size());
    out += whole.substr(0, at);
    whole.remove_prefix(at);
    if (whole.starts_with(kEndpoint)) {
      out += names.level;
      whole.remove_prefix(kEndpoint.size());
    } else if (whole.starts_with(kAddress)) {
      out += names.address;
      whole.remove_prefix(kAddress.size());
    } else if (!whole.empty()) {
      out += whole.front();
      whole.remove_prefix(1);
    }
  }
  return out;
}

std::string_view template_of(const TopicSettings& topics, Topic topic) {
  switch (topic) {
    case Topic::response:
      return topics.response;
    case Topic::v3_response:
      return topics.v3_response;
    case Topic::notify:
      return topics.notify;
    case Topic::registered:
      return topics.registered;
    case Topic::updated:
      return topics.updated;
    case Topic::deregistered:
      return topics.deregistered;
  }
  return {};
}

std::string any_device(std::string_view whole) {
  std::string out, separator;
  bool more = true;
  std::string_view level;
  while (next_level(whole, more, level)) {
    out.append(separator).append(level == kEndpoint ? "+" : level);
    separator = "/";
  }
  return out;
}

std::optional<CommandTopic> command_topic(const TopicSettings& topics, std::string_view topic) {
  if (const auto level = match(topics.command, topic))
    return CommandTopic{Channel::documented, *level};
  if (const auto level = match(topics.v3_command, topic)) return CommandTopic{Channel::v3, *level};
  return std::nullopt;
}

}  // namespace lwm2m
