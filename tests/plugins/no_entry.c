/* Has the section but exports nothing. */
#define ZOO_OWN_ENTRY
#define ZOO_NAME "no_entry"
#include "zoo.h"
KEEL_PLUGIN_INFO(zoo_info, ZOO_NAME, "1.0.0", "exports nothing", "");
KEEL_EXPORT extern const void* something_else;
const void* something_else = (const void*)zoo_create;
