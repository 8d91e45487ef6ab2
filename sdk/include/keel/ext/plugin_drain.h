/* Of the plugin: saying goodbye before an unload. */
#ifndef KEEL_EXT_PLUGIN_DRAIN_H
#define KEEL_EXT_PLUGIN_DRAIN_H
#include "keel/abi.h"

#define KEEL_EXT_PLUGIN_DRAIN "keel.plugin.drain/1"

enum {
  KEEL_DRAIN_UNLOAD = 0,
  KEEL_DRAIN_UPGRADE =
      1, /* a new version takes over: no goodbyes; settle what the state blob cannot hold */
  KEEL_DRAIN_STOP = 2 /* the broker stops */
};

typedef struct keel_ext_plugin_drain {
  uint32_t size;
  uint32_t reserved;
  /* Begins to end what is under way; everything still works, but listeners accept nothing new.
   * Calls `done(done_ctx)` once, from any thread, when ready, also before returning; after
   * `deadline_ms` the kernel goes on without. [control] since 1.0 */
  void (*drain)(void* self, uint32_t why, uint32_t deadline_ms, void (*done)(void* done_ctx),
                void* done_ctx);
} keel_ext_plugin_drain;
#endif
