// Messages made from what a plugin shows, checked like what a client sends.
#pragma once

#include "keel/ext/message.h"
#include "kernel/codec/message.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {

// Copies the view into a message, received now. KEEL_E_INVAL with a text: topic or QoS or
// properties are not valid. [any]
keel_status message_from(Slot& slot, const keel_message_view* view, const char* function,
                         MessagePtr& out);

}  // namespace keel::kernel
