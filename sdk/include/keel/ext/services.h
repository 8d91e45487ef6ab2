/* Tables from plugin to plugin. */
#ifndef KEEL_EXT_SERVICES_H
#define KEEL_EXT_SERVICES_H
#include "keel/abi.h"

#define KEEL_EXT_SERVICES "keel.services/1"

typedef struct keel_ext_services {
  uint32_t size;
  uint32_t reserved;
  /* Offers a table under an id such as "acme.geo/1". While another plugin uses it this one cannot
   * be unloaded (an upgrade is refused, too). KEEL_E_EXISTS: somebody offers it. [control]
   * since 1.0 */
  keel_status (*provide)(const keel_host* host, const char* id, const void* table,
                         keel_handle* out);
  /* Finds a table; valid until this plugin's stop() returned or release(). [control] since 1.0 */
  keel_status (*find)(const keel_host* host, const char* id, const void** out);
  keel_status (*release)(const keel_host* host, const char* id);       /* [control] since 1.0 */
  keel_status (*withdraw)(const keel_host* host, keel_handle service); /* [control] since 1.0 */
} keel_ext_services;
#endif
