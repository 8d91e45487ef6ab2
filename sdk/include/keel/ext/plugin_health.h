/* Of the plugin: how it is doing, for `ctl plugins show`. */
#ifndef KEEL_EXT_PLUGIN_HEALTH_H
#define KEEL_EXT_PLUGIN_HEALTH_H
#include "keel/abi.h"

#define KEEL_EXT_PLUGIN_HEALTH "keel.plugin.health/1"

enum { KEEL_HEALTH_GOOD = 0, KEEL_HEALTH_DEGRADED = 1, KEEL_HEALTH_BAD = 2 };

typedef struct keel_ext_plugin_health {
  uint32_t size;
  uint32_t reserved;
  /* Answers a KEEL_HEALTH_* and writes a line about it. [control] since 1.0 */
  int32_t (*report)(void* self, keel_sink out);
} keel_ext_plugin_health;
#endif
