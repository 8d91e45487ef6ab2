// The parts of read_settings(): each reads its keys, and has reported the error it ends with.
// [control]
#pragma once

#include "emqx_lwm2m/settings.hpp"

namespace lwm2m::detail {

std::uint32_t number(const keel::Config& config, const char* key);
std::uint32_t millis(const keel::Config& config, const char* key);
std::uint32_t seconds(const keel::Config& config, const char* key);  // rounded up
std::uint32_t octets(const keel::Config& config, const char* key);

keel::Status read_listeners(const keel::Config& config, GatewaySettings& out);
keel::Status read_topics(const keel::Config& config, TopicSettings& out);

}  // namespace lwm2m::detail
