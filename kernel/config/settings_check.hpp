// What no single key can tell: settings that do not fit together. [control]
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/base/settings.hpp"
#include "kernel/config/problems.hpp"

namespace keel::kernel {

// Where keys and sections were set, by dotted key; what is not in it holds its default.
using SettingPlaces = std::map<std::string, std::string>;

void check_settings(const Settings& settings, const SettingPlaces& places, Problems& problems);

// Not wrong, but the operator should know.
std::vector<std::string> settings_notices(const Settings& settings);

}  // namespace keel::kernel
