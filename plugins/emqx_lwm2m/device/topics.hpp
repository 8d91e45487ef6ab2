// The topics of devices: what the templates of the settings say (%e or ${endpoint_name} is the
// endpoint, %a the address), and to which device and channel a topic belongs. Pure functions; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "emqx_lwm2m/device/device.hpp"

namespace lwm2m {

struct TopicSettings;  // see settings.hpp

// The mountpoint and a topic of the settings as one template, with %e for ${endpoint_name}. A topic
// that begins with "lwm2m/" is whole as it is.
std::string whole_template(std::string_view mountpoint, std::string_view topic);

// What a device is called in topics.
struct TopicNames {
  std::string_view level;    // topic_level(endpoint)
  std::string_view address;  // without the port
};
// A topic to publish to, or the filter of a device's commands.
std::string expand(std::string_view whole, const TopicNames& names);
std::string_view template_of(const TopicSettings& topics, Topic topic);

// The filter for the commands of all devices: + at the place of %e, which is a level of its own.
std::string any_device(std::string_view whole);

// What a topic of commands says.
struct CommandTopic {
  Channel channel = Channel::documented;
  std::string_view level;  // of the endpoint, see endpoint_of_level(); a view into the topic
};
std::optional<CommandTopic> command_topic(const TopicSettings& topics, std::string_view topic);

}  // namespace lwm2m
