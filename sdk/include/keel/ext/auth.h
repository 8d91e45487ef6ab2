/* Answering authentication and authorization questions later. */
#ifndef KEEL_EXT_AUTH_H
#define KEEL_EXT_AUTH_H
#include "keel/ext/hooks.h"

#define KEEL_EXT_AUTH "keel.auth/1"

typedef struct keel_auth_attrs {
  uint32_t size;
  uint8_t reason;    /* with DENY; 0: as for keel_auth_answer */
  uint8_t superuser; /* with ALLOW */
  uint8_t reserved[2];
  uint32_t expiry_s; /* with ALLOW; 0: for ever */
  uint32_t reserved2;
  keel_str mountpoint; /* with ALLOW */
  keel_str data;       /* with CONTINUE, and optionally ALLOW */
} keel_auth_attrs;

/* How a recheck went: subscriptions asked about and removed. cancelled 1: the plugin was unloaded
 * meanwhile, the numbers are those until then. */
typedef void (*keel_recheck_fn)(void* ctx, uint64_t asked, uint64_t removed, int32_t cancelled);

typedef struct keel_ext_auth {
  uint32_t size;
  uint32_t reserved;
  /* Completes a question that a hook left PENDING. KEEL_NEXT passes it to the hooks behind; ALLOW,
   * DENY and (enhanced_auth) CONTINUE end it. `attrs` may be null. KEEL_E_STALE: answered already,
   * too late, or the client is gone. KEEL_E_DENIED: another plugin's. [any] since 1.0 */
  keel_status (*resolve)(const keel_host* host, keel_handle ticket, int32_t verdict,
                         const keel_auth_attrs* attrs);
  /* Forgets every remembered authorization decision: rules have changed. [any] since 1.0 */
  keel_status (*forget_decisions)(const keel_host* host);
  /* As forget_decisions, and then asks the authorize hooks about every subscription there is, or
   * those of one client (`client_id` not empty), in slices on all shards at once. One that is no
   * longer allowed is removed (session_unsubscribed events say "not_authorized"); with
   * mqtt.acl_deny_action = "disconnect" its client is disconnected with 0x87. Sessions whose client
   * is away are asked about without an address, and again when it comes back. `done` may be null;
   * one-shot, on the control thread. [any] since 1.0 */
  keel_status (*recheck)(const keel_host* host, keel_str client_id, keel_recheck_fn done,
                         void* ctx);
} keel_ext_auth;
#endif
