// `ctl auth_http ...`, and the gauges of the connections. [control]
#pragma once

#include <memory>
#include <vector>

#include "emqx_auth_http/asker.hpp"

namespace auth_http {

using Askers = std::vector<std::unique_ptr<Asker>>;

// All of it is looked at for as long as the plugin runs.
keel::Status offer_commands(keel::Host& host, const Setup& setup, const Report& report,
                            const Askers& askers);

}  // namespace auth_http
