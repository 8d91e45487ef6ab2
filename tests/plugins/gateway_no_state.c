/* Does not understand the state it is handed. */
#include <string.h>

#include "gateway_bad.h"
#include "keel/ext/plugin_state.h"
static const keel_ext_plugin_state no_state;
#define ZOO_EXTENSION return strcmp(id, KEEL_EXT_PLUGIN_STATE) == 0 ? &no_state : 0;
#include "gateway_entry.h"

static keel_status save(void* self, keel_sink out) {
  (void)self, (void)out;
  return KEEL_OK;
}
static keel_status load(void* self, uint32_t schema, keel_str blob) {
  (void)self, (void)schema, (void)blob;
  return KEEL_E_INVAL;
}
static const keel_ext_plugin_state no_state = {sizeof(keel_ext_plugin_state), 7, save, load};
