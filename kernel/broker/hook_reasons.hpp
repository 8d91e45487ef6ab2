// Which reason codes hooks and plugins may put into which packet [MQTT5 2.4]. Pure functions: what
// may not stand there becomes the code that fits best.
#pragma once

#include "kernel/codec/reason_code.hpp"

namespace keel::kernel {

Reason connack_reason(Reason wanted);     // else not authorized
Reason puback_reason(Reason wanted);      // PUBACK and PUBREC; else not authorized
Reason suback_reason(Reason wanted);      // SUBACK and UNSUBACK; else not authorized
Reason disconnect_reason(Reason wanted);  // else administrative action; success may stand

}  // namespace keel::kernel
