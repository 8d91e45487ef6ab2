/* Readiness of a descriptor that the plugin made itself (eventfd, pipe, serial line, own socket).
 */
#ifndef KEEL_EXT_FD_H
#define KEEL_EXT_FD_H
#include "keel/abi.h"

#define KEEL_EXT_FD "keel.fd/1"

enum { KEEL_FD_READ = 1, KEEL_FD_WRITE = 2, KEEL_FD_ERROR = 4 };

/* Level-triggered: called again every turn while it stays ready. */
typedef void (*keel_fd_fn)(void* ctx, int32_t fd, uint32_t events);

typedef struct keel_ext_fd {
  uint32_t size;
  uint32_t reserved;
  /* Watches `fd` on a shard. The descriptor stays the plugin's and must stay open until release()
   * or stop(). ERROR is always reported. KEEL_E_EXISTS: it is watched there already. [any]
   * since 1.0 */
  keel_status (*watch)(const keel_host* host, uint32_t shard, int32_t fd, uint32_t events,
                       keel_fd_fn fn, void* ctx, keel_handle* out);
  /* [shard of the watch] since 1.0 */
  keel_status (*modify)(const keel_host* host, keel_handle watch, uint32_t events);
  keel_status (*release)(const keel_host* host, keel_handle watch);
} keel_ext_fd;
#endif
