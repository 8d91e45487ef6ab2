// The scenarios, one file each.
#pragma once

#include <memory>

#include "scenario.hpp"

namespace keel::load {

std::unique_ptr<Scenario> make_flow(const Options& options);
std::unique_ptr<Scenario> make_latency(const Options& options);
std::unique_ptr<Scenario> make_idle(const Options& options);
std::unique_ptr<Scenario> make_offline(const Options& options);
std::unique_ptr<Scenario> make_retained(const Options& options);
std::unique_ptr<Scenario> make_serving(const Options& options);
std::unique_ptr<Scenario> make_stall(const Options& options);
std::unique_ptr<Scenario> make_table(const Options& options);

}  // namespace keel::load
