#include "emqx_lwm2m/gateway/common.hpp"

#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {

Common::Common(keel::Host& of) : host(of) {}
Common::~Common() = default;

}  // namespace lwm2m
