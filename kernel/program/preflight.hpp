// What would keep a broker with these settings from starting, beyond what the settings say of
// themselves: what is not part of this version, and files that cannot be used. [control]
#pragma once

#include "kernel/base/result.hpp"
#include "kernel/base/settings.hpp"

namespace keel::kernel {

// An error holds one line per problem. Opens nothing but the files named.
Result<void> preflight(const Settings& settings);

}  // namespace keel::kernel
