/* Timers on a shard's wheel. Granularity 50 ms. */
#ifndef KEEL_EXT_TIMER_H
#define KEEL_EXT_TIMER_H
#include "keel/abi.h"

#define KEEL_EXT_TIMER "keel.timer/1"

typedef void (*keel_timer_fn)(void* ctx);

typedef struct keel_ext_timer {
  uint32_t size;
  uint32_t reserved;
  /* Starts a timer on `shard` (KEEL_SHARD_CURRENT: this one). fn runs there, first after
   * `first_ms`, then every `period_ms`; 0: only once, and the handle is then gone when fn returns
   * unless fn rearmed it. A timer that is started in start() first counts when the plugin runs.
   * [any] since 1.0 */
  keel_status (*start)(const keel_host* host, uint32_t shard, uint32_t first_ms, uint32_t period_ms,
                       keel_timer_fn fn, void* ctx, keel_handle* out);
  /* Fires next after `ms` (then with its period). [shard of the timer] since 1.0 */
  keel_status (*rearm)(const keel_host* host, keel_handle timer, uint32_t ms);
  /* fn does not run any more when this returned on the timer's shard; from other threads it may run
   * once more. [any] since 1.0 */
  keel_status (*cancel)(const keel_host* host, keel_handle timer);
} keel_ext_timer;
#endif
