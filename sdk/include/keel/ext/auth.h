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
} keel_ext_auth;
#endif
