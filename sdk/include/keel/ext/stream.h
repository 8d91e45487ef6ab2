/* MQTT over a byte stream that the plugin carries, such as WebSocket: the kernel runs the protocol.
 */
#ifndef KEEL_EXT_STREAM_H
#define KEEL_EXT_STREAM_H
#include "keel/abi.h"

#define KEEL_EXT_STREAM "keel.stream/1"

typedef struct keel_stream_options {
  uint32_t size;
  int32_t loopback_only;  /* without `connection`: whether only this machine can reach the stream */
  keel_handle connection; /* of tcp/1, on this shard, that carries the stream: address, listener and
                             what TLS proved are its own, and it is counted once. 0: what follows */
  keel_addr peer; /* with `connection`, unless KEEL_ADDR_NONE: the client's address as a trusted
                     proxy stated it, in place of the connection's */
  uint32_t reserved;
  keel_str listener_name;
  const keel_verified* verified; /* null: nothing proved. Copied */
} keel_stream_options;

/* All [shard that called open]. */
typedef struct keel_stream_callbacks {
  uint32_t size;
  uint32_t reserved;
  /* Bytes for the client, whole MQTT packets, once per flush; valid during the call. Written to a
   * connection of tcp/1 as they are shown, large pieces are not copied. */
  void (*output)(void* ctx, keel_handle stream, const keel_str* pieces, uint32_t n);
  /* What feed() could not pass on has been taken: go on feeding. May be null. */
  void (*writable)(void* ctx, keel_handle stream);
  /* The broker ended it (`reason` a KEEL_CLOSE_* of tcp.h), after its last output. The last call.
   */
  void (*closed)(void* ctx, keel_handle stream, uint32_t reason, keel_str detail);
} keel_stream_callbacks;

typedef struct keel_ext_stream {
  uint32_t size;
  uint32_t reserved;
  /* Opens a stream on this shard. [shard] since 1.0 */
  keel_status (*open)(const keel_host* host, const keel_stream_options* options,
                      const keel_stream_callbacks* callbacks, void* ctx, keel_handle* out);
  /* Bytes from the client, cut anywhere; all are taken (copied if need be). `*backlog` is how many
   * bytes the broker has not taken yet: above 64 KiB stop until `writable`. KEEL_E_LIMIT: above 2
   * MiB, nothing was taken. [shard] since 1.0 */
  keel_status (*feed)(const keel_host* host, keel_handle stream, keel_str bytes, uint64_t* backlog);
  /* While paused there is no `output`; what waits counts as the client being slow. [shard]
   * since 1.0 */
  keel_status (*pause)(const keel_host* host, keel_handle stream);
  keel_status (*resume)(const keel_host* host, keel_handle stream);
  /* The client is gone: the will is published as for a lost connection. `closed` is not called.
   * [shard] since 1.0 */
  keel_status (*close)(const keel_host* host, keel_handle stream);
  /* Takes over a stream of the old version after an upgrade. [control, within start()] since 1.0 */
  keel_status (*adopt)(const keel_host* host, keel_handle stream,
                       const keel_stream_callbacks* callbacks, void* ctx);
} keel_ext_stream;
#endif
