// Brings the clients back that the broker's store knows of an earlier run. [control, before
// anything runs]
#pragma once

#include "emqx_sn/listener.hpp"
#include "emqx_sn/shard_room.hpp"

namespace sn {

// `continued`: the rooms have taken over from an old version of the plugin, and know better; what
// the store has of others goes.
void recall(Common& common, const ListenerSet& listeners, bool continued);

}  // namespace sn
