// Names and topics as they may stand on an operator's screen. Any thread.
#pragma once

#include <string>
#include <string_view>

#include <keel/text.hpp>

namespace emqx_acl {

// In double quotes; control characters, quotes and backslashes as \xNN, \" and \\.
std::string in_quotes(std::string_view text);

// Whether `text` is UTF-8 without U+0000: what MQTT lets a topic or name be.
bool valid_text(std::string_view text);

}  // namespace emqx_acl
