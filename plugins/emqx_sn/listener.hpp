// The addresses the gateway listens on, see keel/udp_listeners.hpp.
#pragma once

#include <keel/udp_listeners.hpp>

#include "emqx_sn/peer.hpp"
#include "emqx_sn/settings.hpp"

namespace sn {

using ListenerSet = keel::UdpListeners<ListenerSettings>;

}  // namespace sn
