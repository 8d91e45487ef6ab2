/* Of the plugin: taking new settings while it runs. Without it a reload restarts the plugin. */
#ifndef KEEL_EXT_PLUGIN_SETTINGS_H
#define KEEL_EXT_PLUGIN_SETTINGS_H
#include "keel/abi.h"

#define KEEL_EXT_PLUGIN_SETTINGS "keel.plugin.settings/1"

typedef struct keel_ext_plugin_settings {
  uint32_t size;
  uint32_t reserved;
  /* config/1 shows the new values; `changed` are their keys (none: the operator asked to read files
   * again). An error: the old settings hold and config/1 shows them again. [control] since 1.0 */
  keel_status (*apply)(void* self, const keel_str* changed, uint32_t n);
} keel_ext_plugin_settings;
#endif
