// Leaves every authentication and authorization pending for ever: time-outs and unloading must
// answer.
#define ZOO_NAME "auth_pends"
#define ZOO_START return start();
#include "keel/ext/hooks.h"

static keel_status start();
#include "zoo.h"

static int32_t on_authenticate(void*, const keel_auth_request* request, keel_handle,
                               keel_auth_answer*) {
  return request->client->has_username ? KEEL_PENDING : KEEL_NEXT;
}
static int32_t on_authorize(void*, const keel_authorize_request*, keel_handle) {
  return KEEL_PENDING;
}

static keel_status start() {
  keel_handle out = 0;
  const auto* hooks = static_cast<const keel_ext_hooks*>(table(KEEL_EXT_HOOKS));
  hooks->add(host, KEEL_HOOK_CLIENT_AUTHENTICATE, 0, 1,
             reinterpret_cast<keel_hook_fn>(on_authenticate), nullptr, &out);
  return hooks->add(host, KEEL_HOOK_CLIENT_AUTHORIZE, 0, 1,
                    reinterpret_cast<keel_hook_fn>(on_authorize), nullptr, &out);
}
