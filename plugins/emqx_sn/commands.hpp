// `ctl sn ...` [control]
#pragma once

#include <functional>
#include <keel/host.hpp>

#include "emqx_sn/settings.hpp"

namespace sn {

class Gateway;
class Metrics;

// All of them live as long as the plugin; `settings` tells those in force.
keel::Status add_commands(keel::Host& host, const Gateway& gateway, const Metrics& metrics,
                          std::function<SettingsPtr()> settings);

}  // namespace sn
