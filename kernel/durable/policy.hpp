// Whether a message has to be on disk before it is acknowledged. [durability] in the settings: a
// default, and rules by topic filter, first match; a listener may have its own default.
#pragma once

#include <string_view>

#include "kernel/base/settings.hpp"

namespace keel::kernel {

// The first rule that matches `topic`, or `otherwise`.
Durability durability_by_rule(const DurabilitySettings& settings, std::string_view topic,
                              Durability otherwise);

// The policy for a message to `topic`, published through a listener whose own default is
// `listener` (inherit: it has none). A rule counts more than the listener. Any thread.
inline Durability durability_of(const DurabilitySettings& settings, std::string_view topic,
                                Durability listener) {
  const Durability otherwise = listener == Durability::inherit ? settings.policy : listener;
  return settings.rules.empty() ? otherwise : durability_by_rule(settings, topic, otherwise);
}

}  // namespace keel::kernel
