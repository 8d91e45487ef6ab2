/* Work that may block: files, hashing, resolving. */
#ifndef KEEL_EXT_WORKER_H
#define KEEL_EXT_WORKER_H
#include "keel/ext/shard.h"

#define KEEL_EXT_WORKER "keel.worker/1"

typedef void (*keel_work_fn)(void* ctx); /* [worker] */

typedef struct keel_ext_worker {
  uint32_t size;
  uint32_t reserved;
  /* Runs `work` on a pool thread, then `done` on `shard` (KEEL_SHARD_CONTROL: the control thread).
   * `done` is one-shot: cancelled = 1 when the plugin was unloaded meanwhile; `work` may then not
   * have run. Unloading waits for work under way. KEEL_E_LIMIT: the queue is full. [any] since 1.0
   */
  keel_status (*run)(const keel_host* host, keel_work_fn work, keel_task_fn done, void* ctx,
                     uint32_t shard);
} keel_ext_worker;
#endif
