/* Of the plugin: handing over to its next version. Without it an upgrade starts from nothing, but
 * sockets bound to the same address are handed over all the same. */
#ifndef KEEL_EXT_PLUGIN_STATE_H
#define KEEL_EXT_PLUGIN_STATE_H
#include "keel/abi.h"

#define KEEL_EXT_PLUGIN_STATE "keel.plugin.state/1"

typedef struct keel_ext_plugin_state {
  uint32_t size;
  uint32_t schema; /* number of the blob's format; the kernel passes it to load() */
  /* Writes everything the next version needs, after stop(). Handles stay valid and may be in it.
   * [control] since 1.0 */
  keel_status (*save)(void* self, keel_sink out);
  /* Takes what save() of another version wrote, before start(). An error refuses it, and the
   * upgrade is rolled back. [control] since 1.0 */
  keel_status (*load)(void* self, uint32_t schema, keel_str blob);
} keel_ext_plugin_state;
#endif
