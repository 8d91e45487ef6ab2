// How plugins are shown to operators, as text and as JSON. [control]
#pragma once

#include <string>

#include "kernel/admin/json.hpp"
#include "kernel/base/result.hpp"
#include "kernel/plugin/registry.hpp"

namespace keel::kernel {

// Plugin(emqx_sn, version=1.0.0, description=..., active=true)
std::string plugin_line(const PluginInfo& plugin);
std::string plugin_json(const PluginInfo& plugin);

// Everything about one plugin; empty: there is none of this name.
std::string plugin_details(const Registry& registry, const std::string& name, bool json);

// The settings it knows.
Result<std::string> plugin_schema(Registry& registry, const std::string& name, bool json);

// What all plugins cost: a line for each, then a line for each place they are called at.
std::string plugin_top(const Registry& registry, bool json);

// The same as metrics in the text form of Prometheus, behind those of the plugins themselves.
std::string plugin_metrics(const Registry& registry);

}  // namespace keel::kernel
