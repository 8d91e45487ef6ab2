// A short visit of an MQTT client, so that a plugin's hooks run between loading and unloading.
#pragma once

#include <filesystem>

namespace keel::check {

// Connects, subscribes, publishes to itself and leaves. Whether the broker admits it or not does
// not matter. False when it has not ended within two seconds.
bool visit(const std::filesystem::path& socket);

}  // namespace keel::check
