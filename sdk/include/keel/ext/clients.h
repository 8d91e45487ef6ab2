/* The clients that are connected. */
#ifndef KEEL_EXT_CLIENTS_H
#define KEEL_EXT_CLIENTS_H
#include "keel/ext/hooks.h"

#define KEEL_EXT_CLIENTS "keel.clients/1"

/* Clients in slices; `n` 0 with `last` 1 ends. Called on the control thread. */
typedef void (*keel_clients_fn)(void* ctx, const keel_client* clients, uint32_t n, int32_t last);

typedef struct keel_ext_clients {
  uint32_t size;
  uint32_t reserved;
  /* Looks one client up; `fn` is called once on the control thread, with n 0 when there is none, or
   * when it was revoked (last 1). [any] since 1.0 */
  keel_status (*find)(const keel_host* host, keel_str client_id, keel_clients_fn fn, void* ctx);
  /* Ends a client's connection; v5 clients are told `reason` (0: 0x98 administrative action). The
   * answer only says that the order was given. [any] since 1.0 */
  keel_status (*kick)(const keel_host* host, keel_str client_id, uint8_t reason);
  /* Every client, in slices, on the control thread. [any] since 1.0 */
  keel_status (*each)(const keel_host* host, keel_clients_fn fn, void* ctx);
  /* As kick, for every client that is connected under a user name. [any] since 1.0 */
  keel_status (*kick_user)(const keel_host* host, keel_str username, uint8_t reason);
} keel_ext_clients;
#endif
