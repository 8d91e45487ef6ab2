// How long these tests wait for what comes sooner or later: long, as a loaded machine takes its
// time.
#pragma once

#include <chrono>

namespace keel::test {

inline constexpr std::chrono::seconds kPatience{30};

}  // namespace keel::test
