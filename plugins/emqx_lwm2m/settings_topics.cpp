// lwm2m.mountpoint and lwm2m.topics.*: made whole, and refused where nothing could come of them.
#include "emqx_lwm2m/device/topics.hpp"
#include "emqx_lwm2m/settings_parts.hpp"

namespace lwm2m {
namespace {

using keel::concat;
using keel::Config;
using keel::Status;

constexpr const char* kMountpoint = "lwm2m.mountpoint";
constexpr const char* kV3Command = "dn/#";
constexpr const char* kV3Response = "up/resp";
// What an endpoint name of 256 octets may become, percent-encoded, has to fit in, too.
constexpr std::size_t kLongest = 4096;

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t out = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; ++at) ++out;
  return out;
}

std::string_view take_level(std::string_view& topic, bool& more) {
  const std::size_t end = topic.find('/');
  const std::string_view level = topic.substr(0, end);
  more = end != std::string_view::npos;
  topic = more ? topic.substr(end + 1) : std::string_view();
  return level;
}

// Whether some topic can be made of both. A placeholder can become any level.
bool can_meet(std::string_view a, std::string_view b) {
  const auto any = [](std::string_view level) {
    return level == "+" || level.find('%') != std::string_view::npos;
  };
  for (bool more_a = true, more_b = true;;) {
    if (!more_a || !more_b) return more_a == more_b || a == "#" || b == "#";
    const std::string_view level_a = take_level(a, more_a), level_b = take_level(b, more_b);
    if (level_a == "#" || level_b == "#") return true;
    if (level_a != level_b && !any(level_a) && !any(level_b)) return false;
  }
}

class Reader {
 public:
  explicit Reader(const Config& config)
      : config_(config), mountpoint_(whole_template({}, config.text(kMountpoint))) {}

  Status read(TopicSettings& out) {
    KEEL_TRY(check_mountpoint());
    KEEL_TRY(read_command(out));
    struct Row {
      const char* key;
      std::string& topic;
    };
    const Row rows[] = {{"lwm2m.topics.response", out.response},
                        {"lwm2m.topics.notify", out.notify},
                        {"lwm2m.topics.register", out.registered},
                        {"lwm2m.topics.update", out.updated},
                        {"lwm2m.topics.deregister", out.deregistered}};
    for (const Row& row : rows) {
      row.topic = whole(row.key);
      KEEL_TRY(check_publish(row.key, row.topic, out));
    }
    out.qos = static_cast<std::uint8_t>(config_.integer("lwm2m.qos"));
    return {};
  }

 private:
  std::string whole(const char* key) const {
    const std::string topic = config_.text(key);
    return topic.empty() ? topic : whole_template(mountpoint_, topic);
  }

  Status check_mountpoint() const {
    if (mountpoint_.find_first_of("#+") != std::string::npos || mountpoint_.size() > kLongest) {
      return config_.fail(kMountpoint,
                          concat("has no wildcards and at most ", kLongest, " characters"));
    }
    return check_placeholders(kMountpoint, mountpoint_);
  }

  Status check_placeholders(const char* key, std::string_view text) const {
    for (std::size_t at = 0; (at = text.find('%', at)) != std::string_view::npos; ++at) {
      const char next = at + 1 < text.size() ? text[at + 1] : '\0';
      if (next == 'e' || next == 'a') continue;
      return config_.fail(key, concat("'", text.substr(at, 2),
                                      "' stands for nothing; there are %e, the endpoint name, and "
                                      "%a, the address"));
    }
    if (const std::size_t at = text.find("${"); at != std::string_view::npos) {
      return config_.fail(key, concat("'", text.substr(at, text.find('}', at) - at + 1),
                                      "' stands for nothing; there is ${endpoint_name}"));
    }
    return {};
  }

  Status check_any(const char* key, const std::string& topic) const {
    if (topic.empty()) return config_.fail(key, "is empty; give a topic");
    if (topic.size() > kLongest) {
      return config_.fail(key, concat("is longer than ", kLongest, " characters"));
    }
    if (topic.find('\0') != std::string::npos) return config_.fail(key, "has a NUL in it");
    return check_placeholders(key, topic);
  }

  Status read_command(TopicSettings& out) const {
    constexpr const char* kKey = "lwm2m.topics.command";
    out.command = whole(kKey);
    KEEL_TRY(check_any(kKey, out.command));
    KEEL_TRY(check_filter(kKey, out.command));
    if (!config_.boolean("lwm2m.v3_topics")) return {};
    const std::string v3 = mountpoint_ + kV3Command;
    if (can_meet(v3, out.command)) return {};
    KEEL_TRY(check_filter("lwm2m.v3_topics", v3));
    out.v3_command = v3;
    out.v3_response = mountpoint_ + kV3Response;
    return check_publish("lwm2m.v3_topics", out.v3_response, out);
  }

  Status check_filter(const char* key, const std::string& filter) const {
    bool valid = true, own_level = false;
    std::string_view rest = filter;
    for (bool more = true; more;) {
      const std::string_view level = take_level(rest, more);
      const bool wild = level.find_first_of("#+") != std::string_view::npos;
      if (wild && (level.size() != 1 || (level == "#" && more))) valid = false;
      if (level == "%e") own_level = true;
    }
    if (!valid) {
      return config_.fail(key, concat("'", filter,
                                      "' is no topic filter: + and # are levels of "
                                      "their own, # is the last"));
    }
    if (!own_level || count(filter, "%e") != 1) {
      return config_.fail(key, concat("'", filter,
                                      "' does not tell whom a command is for; have %e "
                                      "in it once, as a level of its own"));
    }
    if (filter.find("%a") != std::string::npos) {
      return config_.fail(key, concat("'", filter,
                                      "' changes with a device's address; take %a out "
                                      "of it"));
    }
    return {};
  }

  Status check_publish(const char* key, const std::string& topic, const TopicSettings& out) const {
    KEEL_TRY(check_any(key, topic));
    if (topic.find_first_of("#+") != std::string::npos) {
      return config_.fail(key, concat("'", topic, "' is published on and has no wildcards"));
    }
    if (topic.find("%e") == std::string::npos) {
      return config_.fail(key, concat("'", topic, "' does not tell whom it is of; have %e in it"));
    }
    if (can_meet(out.command, topic)) {
      return config_.fail(key, concat("'", topic,
                                      "' is where commands arrive (lwm2m.topics.command"
                                      " is '",
                                      out.command, "'); choose another"));
    }
    if (!out.v3_command.empty() && can_meet(out.v3_command, topic)) {
      return config_.fail(key, concat("'", topic,
                                      "' is where commands arrive; choose another, or "
                                      "switch lwm2m.v3_topics off"));
    }
    return {};
  }

  const Config& config_;
  const std::string mountpoint_;
};

}  // namespace

keel::Status detail::read_topics(const Config& config, TopicSettings& out) {
  return Reader(config).read(out);
}

}  // namespace lwm2m
