// Tells callgrind what to count: the broker's work, and not that of the clients which are played
// beside it. Outside of valgrind all of this does nothing.
#pragma once

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

namespace keel::bench {

// Counts for as long as it lives, or does not while something else counts.
class Toggle {
 public:
  Toggle() { CALLGRIND_TOGGLE_COLLECT; }
  Toggle(const Toggle&) = delete;
  Toggle& operator=(const Toggle&) = delete;
  ~Toggle() { CALLGRIND_TOGGLE_COLLECT; }
};
using Counted = Toggle;
using NotCounted = Toggle;

}  // namespace keel::bench
