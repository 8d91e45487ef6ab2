// MQTT 5 properties of messages: between the wire form in which messages carry them and the arrays
// that plugins see. Pure functions; [any].
#pragma once

#include <string>
#include <vector>

#include "keel/ext/message.h"
#include "kernel/base/bytes.hpp"

namespace keel::kernel {

// Appends the properties of a message that is well-formed; views into `wire`.
void read_properties(Bytes wire, std::vector<keel_property>& out);

// Appends them in wire form. KEEL_E_INVAL with a text for last_error: one that does not travel with
// messages, is there twice, or whose value its kind does not allow.
keel_status write_properties(const keel_property* props, std::uint32_t n, std::string& wire);

}  // namespace keel::kernel
