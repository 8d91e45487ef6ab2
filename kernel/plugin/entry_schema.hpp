// A plugin's entry, looked at before anything in it is used. Any pointer in it may be wild and any
// number garbage: that is an error with a text, not a crash. [control]
#pragma once

#include <memory>

#include "keel/abi.h"
#include "kernel/base/result.hpp"
#include "kernel/config/schema.hpp"
#include "kernel/plugin/manifest.hpp"

namespace keel::kernel {

// Size, magic, the manifest's twin in memory, create(), and the settings.
Result<void> check_entry(const keel_plugin_entry* entry, const Manifest& manifest);

// The settings of the entry as a schema; every text is copied, so that it outlives the plugin.
Result<std::shared_ptr<const Schema>> schema_from_entry(const keel_plugin_entry* entry);
Result<std::shared_ptr<const Schema>> schema_from_settings(const keel_setting* settings,
                                                           std::uint32_t count);

}  // namespace keel::kernel
