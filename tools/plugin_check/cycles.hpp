// Loads and unloads a plugin again and again in a broker of its own and judges what is left behind.
#pragma once

#include "tools/plugin_check/options.hpp"
#include "tools/plugin_check/report.hpp"

namespace keel::check {

// Adds its findings to the report. Throws std::runtime_error when no broker could be started.
void run_cycles(const Options& options, Report& report);

}  // namespace keel::check
