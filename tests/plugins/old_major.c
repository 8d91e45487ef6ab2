/* Made for another major version of the boundary. */
#define ZOO_OWN_ENTRY
#define ZOO_NAME "old_major"
#include "zoo.h"
__attribute__((section(".keel.plugin"), used,
               aligned(8))) static const keel_plugin_info zoo_info = {
    KEEL_INFO_MAGIC, (uint32_t)sizeof(keel_plugin_info), 0, 9, 0, 0, ZOO_NAME, "1.0.0", "", "", ""};
KEEL_EXPORT extern const keel_plugin_entry keel_plugin_entry_v1;
const keel_plugin_entry keel_plugin_entry_v1 = {
    sizeof(keel_plugin_entry), KEEL_ENTRY_MAGIC, &zoo_info, 0, 0, 0, zoo_create};
