/* Time. */
#ifndef KEEL_EXT_CLOCK_H
#define KEEL_EXT_CLOCK_H
#include "keel/abi.h"

#define KEEL_EXT_CLOCK "keel.clock/1"

typedef struct keel_ext_clock {
  uint32_t size;
  uint32_t reserved;
  /* Milliseconds of the monotonic clock. On a shard: of this turn, at no cost. [any] since 1.0 */
  int64_t (*mono_ms)(const keel_host* host);
  /* Milliseconds since 1970, UTC. [any] since 1.0 */
  int64_t (*wall_ms)(const keel_host* host);
} keel_ext_clock;
#endif
