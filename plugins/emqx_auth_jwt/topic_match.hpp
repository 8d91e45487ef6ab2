// Topic filters against topic filters [MQTT5 4.7]. A topic name is a filter without wildcards. Pure
// functions; any thread.
#pragma once

#include <string_view>

namespace jwt {

// Whether a text can be subscribed to: wildcards are whole levels, # is the last one.
bool is_filter(std::string_view text);

// Whether every topic that `asked` matches is matched by `rule` too.
bool covers(std::string_view rule, std::string_view asked);

// Whether there can be a topic that both match.
bool overlaps(std::string_view rule, std::string_view asked);

}  // namespace jwt
