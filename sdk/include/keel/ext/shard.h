/* The data path's threads, and how to get onto one. */
#ifndef KEEL_EXT_SHARD_H
#define KEEL_EXT_SHARD_H
#include "keel/abi.h"

#define KEEL_EXT_SHARD "keel.shard/1"
#define KEEL_SHARD_CONTROL                                              \
  0xffffffffu /* current() off the shards; the control thread in post() \
               */
#define KEEL_SHARD_CURRENT \
  0xfffffffeu /* where a shard is asked for: this one, or 0 off the shards */

typedef struct keel_ext_shard {
  uint32_t size;
  uint32_t reserved;
  /* How many shards there are: 0 .. count-1. Does not change while the broker runs. [any] since 1.0
   */
  uint32_t (*count)(const keel_host* host);
  /* The shard this thread is, or KEEL_SHARD_CONTROL on any other thread. [any] since 1.0 */
  uint32_t (*current)(const keel_host* host);
  /* The shard on which a client id's session lives. [any] since 1.0 */
  uint32_t (*home)(const keel_host* host, keel_str client_id);
  /* Runs fn on a shard, or on the control thread (KEEL_SHARD_CONTROL), after everything posted
   * there before. One-shot: called exactly once when KEEL_OK, with cancelled = 1 if the plugin is
   * unloaded first (then on any thread that is not inside the plugin). On an error fn is not
   * called. KEEL_E_LIMIT: the plugin has too many posts waiting. [any] since 1.0 */
  keel_status (*post)(const keel_host* host, uint32_t shard, keel_task_fn fn, void* ctx);
} keel_ext_shard;
#endif
