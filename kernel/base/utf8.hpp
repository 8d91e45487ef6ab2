// UTF-8 checks for MQTT strings [MQTT5 1.5.4]: well-formed, no U+0000, no surrogates, shortest form.
#pragma once

#include <string>
#include <string_view>

namespace keel::kernel {

// True when `text` may stand in an MQTT UTF-8 string. ASCII is checked eight bytes at a time.
bool valid_utf8(std::string_view text);

// `text` made fit for a log line or a terminal: control characters and broken UTF-8 as \xNN, cut at
// `max` bytes with "..." behind.
std::string_view printable(std::string_view text, std::string& buffer, std::size_t max = 128);

}  // namespace keel::kernel
