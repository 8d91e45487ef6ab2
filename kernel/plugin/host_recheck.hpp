// auth.recheck(): subscriptions are put before the authorize hooks again, on all shards at once.
#pragma once

#include "keel/ext/auth.h"

namespace keel::kernel {

class Runtime;

keel_status auth_recheck(const keel_host* host, keel_str client_id, keel_recheck_fn done,
                         void* ctx);
// Nothing decided before is remembered. [any]
void forget_decisions(const Runtime& runtime);

}  // namespace keel::kernel
