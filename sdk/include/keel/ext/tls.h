/* How a TLS or DTLS end is set up: by the name of a [tls.*] section of keel.conf, or by inline
 * options that a plugin takes from its own settings. Types only; used by udp.h and tcp.h. */
#ifndef KEEL_EXT_TLS_H
#define KEEL_EXT_TLS_H
#include "keel/abi.h"

enum { KEEL_TLS_VERIFY_NONE = 0, KEEL_TLS_VERIFY_OPTIONAL = 1, KEEL_TLS_VERIFY_REQUIRE = 2 };

/* Answers 1 after writing the raw key of `identity` into `key`, or 0: unknown. Asked after the PSK
 * file. Must not block. [shard] */
typedef int32_t (*keel_psk_lookup_fn)(void* ctx, keel_str identity, keel_sink key);

typedef struct keel_tls_options {
  uint32_t size;
  uint32_t verify;  /* KEEL_TLS_VERIFY_*; the peer's certificate, against cafile. Clients (connect):
                       NONE  turns off the check that is on otherwise */
  keel_str section; /* name of a [tls.*] section; when not empty all files and ciphers below are
                       ignored */
  keel_str certfile, keyfile, key_password;
  keel_str cafile, crlfile;
  keel_str pskfile, psk_hint; /* lines identity:hexkey; read again by `ctl plugins reload` */
  keel_str ciphers, ciphersuites;
  keel_str min_version, max_version; /* "1.2", "1.3"; empty: the broker's defaults; DTLS is 1.2 */
  keel_psk_lookup_fn psk_lookup;     /* may be null */
  void* psk_ctx;
} keel_tls_options;
#endif
