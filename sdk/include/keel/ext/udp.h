/* UDP sockets, plain or DTLS. The kernel reads in batches, holds DTLS associations and, when the
 * plugin is upgraded, keeps the socket and what waits in it for the new version. */
#ifndef KEEL_EXT_UDP_H
#define KEEL_EXT_UDP_H
#include "keel/ext/shard.h"
#include "keel/ext/tls.h"

#define KEEL_EXT_UDP "keel.udp/1"

enum {
  KEEL_UDP_PER_SHARD =
      1, /* one socket per shard (SO_REUSEPORT); a peer always meets the same one */
  KEEL_UDP_BROADCAST = 2
};

typedef struct keel_udp_options {
  uint32_t size;
  uint32_t flags;       /* KEEL_UDP_* */
  keel_str address;     /* "127.0.0.1:1884", "[::]:1884"; a bare port binds the default address */
  uint32_t shard;       /* without PER_SHARD; KEEL_SHARD_CURRENT: this one, or 0 */
  uint32_t recv_buffer; /* bytes of socket buffer; 0: the system's default */
  const keel_tls_options* tls; /* null: plain UDP */
  uint32_t max_sessions;       /* DTLS associations in all; 0: 10 000 */
  uint32_t idle_timeout_s;     /* DTLS associations without traffic; 0: 24 h */
} keel_udp_options;

typedef struct keel_datagram {
  keel_addr peer, local; /* from whom, and to which of our addresses */
  keel_str bytes;
  const keel_verified* verified; /* null: plain UDP. Stable while the association lives */
} keel_datagram;

typedef struct keel_udp_callbacks {
  uint32_t size;
  uint32_t reserved;
  /* Up to 32 datagrams; valid during the call. `socket` is the handle to answer with on this shard.
   * [shard] */
  void (*datagrams)(void* ctx, keel_handle socket, const keel_datagram* datagrams, uint32_t n);
  /* DTLS: an association was opened or is gone; may be null. [shard] */
  void (*session)(void* ctx, keel_handle socket, const keel_addr* peer,
                  const keel_verified* verified, int32_t opened);
} keel_udp_callbacks;

typedef struct keel_udp_stats {
  uint32_t size;
  uint32_t sessions; /* DTLS associations now */
  uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
  uint64_t dropped; /* truncated, not sent, or refused by DTLS */
  uint64_t handshakes, handshakes_failed;
} keel_udp_stats;

typedef struct keel_ext_udp {
  uint32_t size;
  uint32_t reserved;
  /* Binds. Reading begins when the plugin runs (at once when it does). With PER_SHARD `out` names
   * all sockets; callbacks name the one of their shard. During an upgrade the socket of the old
   * version with the same address (as given, or as bound) is taken over with everything that waits
   * in it. KEEL_E_IO: in use or not allowed, last_error says which. [control] since 1.0 */
  keel_status (*bind)(const keel_host* host, const keel_udp_options* options,
                      const keel_udp_callbacks* callbacks, void* ctx, keel_handle* out);
  /* Sends one datagram made of n pieces. With the handle of a PER_SHARD bind: from the socket of
   * this shard. KEEL_E_LIMIT: the socket's buffer is full, nothing was sent. KEEL_E_NOENT: no DTLS
   * association with this peer. Never blocks. [shard of the socket] since 1.0 */
  keel_status (*send)(const keel_host* host, keel_handle socket, const keel_addr* peer,
                      const keel_str* pieces, uint32_t n);
  /* Joins a multicast group ("224.0.1.187", "ff02::fd") on one socket of the bind, so that each
   * datagram comes once; `interface_index` 0: the system's choice. KEEL_E_EXISTS: it is a member
   * there already, as a socket taken over from the old version may be. [control] since 1.0 */
  keel_status (*join)(const keel_host* host, keel_handle socket, const keel_addr* group,
                      uint32_t interface_index);
  /* Where it is bound, with the port that 0 became. [any] since 1.0 */
  keel_status (*local)(const keel_host* host, keel_handle socket, keel_addr* out);
  /* Ends a DTLS association with close_notify. [shard of the socket] since 1.0 */
  keel_status (*close_peer)(const keel_host* host, keel_handle socket, const keel_addr* peer);
  /* Sums over the sockets of a bind. [any] since 1.0 */
  keel_status (*stats)(const keel_host* host, keel_handle socket, keel_udp_stats* out);
  /* Reads the certificate and key files again for new associations. [control] since 1.0 */
  keel_status (*reload_tls)(const keel_host* host, keel_handle socket);
  /* [any]; callbacks already under way on other shards may still come. since 1.0 */
  keel_status (*close)(const keel_host* host, keel_handle socket);
} keel_ext_udp;
#endif
