/* A plugin's own part of the broker's store: keys and values that survive a restart. Each plugin
 * sees its own alone. It is there while a store plugin is loaded; without one every function
 * answers KEEL_E_NOENT. */
#ifndef KEEL_EXT_KV_H
#define KEEL_EXT_KV_H
#include "keel/ext/shard.h"

#define KEEL_EXT_KV "keel.kv/1"

typedef struct keel_ext_kv {
  uint32_t size;
  uint32_t reserved;
  /* Writes behind the caller's back, in the order of the calls of one thread; a later sync() tells
   * when it is safe. Keys have 1 ... 1 024 octets, values at most 16 MiB. KEEL_E_LIMIT: the store
   * does not keep up, or, of put, is full. [any] since 1.0 */
  keel_status (*put)(const keel_host* host, keel_str key, keel_str value);
  keel_status (*erase)(const keel_host* host, keel_str key); /* [any] since 1.0 */
  /* One-shot: `done` runs on `shard` (KEEL_SHARD_CONTROL: the control thread) once everything this
   * thread wrote before is on disk. [control, shard] since 1.0 */
  keel_status (*sync)(const keel_host* host, keel_task_fn done, void* ctx, uint32_t shard);
  /* Calls `row` for each key that begins with `prefix` and comes behind `after` (empty: from the
   * first), ascending, at most `max` of them, before it returns; what this thread wrote before is
   * among them. It waits for the disk: for start() and commands. KEEL_E_IO: the store did not
   * answer, or could not read all. [control] since 1.0 */
  keel_status (*list)(const keel_host* host, keel_str prefix, keel_str after, uint32_t max,
                      void (*row)(void* ctx, keel_str key, keel_str value), void* ctx);
} keel_ext_kv;
#endif
