// One question to a broker over its ctl socket. kernel/admin/ctl_protocol.hpp describes the bytes;
// they are written here by hand, as ctl and plugin_check link nothing of the kernel.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keel::ctl {

// The descriptor, or -1 with errno.
int connect_to(const std::string& socket);

// Takes a piece of the answer; false ends the conversation.
using Sink = std::function<bool(std::string_view)>;

// Sends the arguments and hands on what comes back. The command's exit code; none when the broker
// ended the connection before the answer was complete, or when the sink wanted no more.
std::optional<int> ask(int fd, const std::vector<std::string>& arguments, const Sink& sink);

}  // namespace keel::ctl
