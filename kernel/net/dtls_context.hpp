// What an OpenSSL context needs beyond a [tls.*] section to serve datagrams; part of TlsContext.
#pragma once

#include "kernel/base/result.hpp"

struct ssl_ctx_st;

namespace keel::kernel {

// Offered when the section names none: forward secrecy first, and by name the CCM-8 suites, which
// constrained devices often have as their only ones and OpenSSL leaves out.
extern const char* const kDatagramCiphers;

// DTLS 1.2, cookies, sizes.
Result<void> prepare_datagram_context(ssl_ctx_st& context);

}  // namespace keel::kernel
