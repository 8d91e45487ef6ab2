// `ctl lwm2m ...` [control]
#pragma once

#include <keel/host.hpp>

namespace lwm2m {

class Gateway;
class Metrics;

// Both live as long as the plugin.
keel::Status add_commands(keel::Host& host, Gateway& gateway, Metrics& metrics);

}  // namespace lwm2m
