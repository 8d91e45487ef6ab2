// Whether a message has to be on disk before it is acknowledged. [durability] in the settings: a
// default, and rules by topic filter, first match; a listener may have its own default.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/settings.hpp"

namespace keel::kernel {

// The policy for a message to `topic`, published through a listener whose own default is
// `listener` (inherit: it has none).
Durability durability_of(const DurabilitySettings& settings, std::string_view topic,
                         Durability listener);

}  // namespace keel::kernel
