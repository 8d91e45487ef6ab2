/* TCP connections, plain or TLS, accepted and made. Accepting counts against the broker's limits
 * and shows in `ctl listeners`. */
#ifndef KEEL_EXT_TCP_H
#define KEEL_EXT_TCP_H
#include "keel/ext/message.h"
#include "keel/ext/shard.h"
#include "keel/ext/tls.h"

#define KEEL_EXT_TCP "keel.tcp/1"

enum {
  KEEL_TCP_PROXY_PROTOCOL = 1, /* a PROXY v1/v2 header stands before everything else */
  /* Of MQTT over streams of stream/1 that its connections carry: whether clients get in that
   * present nothing and that nobody authenticated. Neither: on loopback and Unix sockets only.
   * Both: KEEL_E_INVAL. */
  KEEL_TCP_ADMIT_ANONYMOUS = 2,
  KEEL_TCP_REFUSE_ANONYMOUS = 4
};

typedef struct keel_tcp_listen_options {
  uint32_t size;
  uint32_t flags;              /* KEEL_TCP_* */
  keel_str address;            /* "8083", "0.0.0.0:8083", "[::]:8083", "unix:PATH" */
  keel_str name;               /* of the listener, for people: "ws:default" */
  keel_str proto;              /* how ctl listeners calls it: "mqtt:ws" */
  const keel_tls_options* tls; /* null: plain */
  uint32_t backlog;            /* 0: the broker's default */
  uint32_t max_connections;    /* 0: no bound of its own */
  uint32_t connect_rate;       /* per second; 0: no bound of its own */
  uint32_t send_timeout_ms;    /* a peer that takes nothing for so long is dropped; 0:
                                  limits.send_timeout */
} keel_tcp_listen_options;

typedef struct keel_tcp_connect_options {
  uint32_t size;
  uint32_t shard; /* where the connection lives; KEEL_SHARD_CURRENT: here, or 0 */
  keel_str host;  /* name or address */
  uint16_t port;
  uint16_t reserved;
  uint32_t timeout_ms;         /* for resolving, connecting and the handshake; 0: 10 000 */
  const keel_tls_options* tls; /* null: plain */
  keel_str server_name;        /* for SNI and the certificate; empty: host */
} keel_tcp_connect_options;

typedef struct keel_tcp_info {
  uint32_t size;
  uint32_t reserved;
  keel_addr peer, local;
  keel_str listener;             /* its name; empty for connections made */
  const keel_verified* verified; /* null: plain */
} keel_tcp_info;

enum {
  KEEL_CLOSE_PEER = 0,   /* the other side closed or reset */
  KEEL_CLOSE_LOCAL = 1,  /* close() or shutdown() */
  KEEL_CLOSE_ERROR = 2,  /* the socket failed; for connect(): it could not be made */
  KEEL_CLOSE_SLOW = 3,   /* the peer did not take what was written in time */
  KEEL_CLOSE_TLS = 4,    /* handshake failed */
  KEEL_CLOSE_UNLOAD = 5, /* the plugin is being unloaded */
  /* Of streams that the broker ends, in place of KEEL_CLOSE_LOCAL, which means the client said
   * goodbye. `detail` is the name of MQTT's reason. */
  KEEL_CLOSE_PROTOCOL = 6, /* the client broke the rules of MQTT */
  KEEL_CLOSE_REFUSED = 7,  /* not authorized, banned, kicked, taken over, silent, too much, ... */
  KEEL_CLOSE_SHUTDOWN = 8  /* the broker stops */
};

/* All [shard of the connection]. */
typedef struct keel_tcp_callbacks {
  uint32_t size;
  uint32_t reserved;
  /* A connection was accepted (after TLS), or connect() succeeded. Answers the ctx for the calls
   * below; null is allowed. */
  void* (*opened)(void* ctx, keel_handle conn, const keel_tcp_info* info);
  /* All bytes not consumed yet. Answers how many are; the rest is shown again with more behind it.
   * What is consumed may be overwritten during the call, to decode it in place: fed to a stream of
   * stream/1 from there it is not copied. */
  size_t (*data)(void* conn_ctx, keel_handle conn, keel_str bytes);
  /* After write() answered KEEL_E_LIMIT or notify_drained(): everything has been handed to the
   * system. May be null. */
  void (*drained)(void* conn_ctx, keel_handle conn);
  /* The last call; conn_ctx is the plugin's to free. For connect() that failed, `opened` was not
   * called, `conn_ctx` is the ctx given to connect() and `detail` says why. */
  void (*closed)(void* conn_ctx, keel_handle conn, uint32_t reason, keel_str detail);
} keel_tcp_callbacks;

typedef struct keel_ext_tcp {
  uint32_t size;
  uint32_t reserved;
  /* Accepting begins when the plugin runs. During an upgrade a listener of the old version with the
   * same address is taken over, connections waiting to be accepted included. [control] since 1.0 */
  keel_status (*listen)(const keel_host* host, const keel_tcp_listen_options* options,
                        const keel_tcp_callbacks* callbacks, void* ctx, keel_handle* out);
  /* Where it listens. [any] since 1.0 */
  keel_status (*local)(const keel_host* host, keel_handle listener, keel_addr* out);
  /* Ends a listener; its connections stay. [control] since 1.0 */
  keel_status (*close_listener)(const keel_host* host, keel_handle listener);
  /* Connects. `opened` or `closed` follows. [any] since 1.0 */
  keel_status (*connect)(const keel_host* host, const keel_tcp_connect_options* options,
                         const keel_tcp_callbacks* callbacks, void* ctx, keel_handle* out);
  /* Queues bytes to be sent at the end of the turn; they are copied. KEEL_E_LIMIT: more than 4 MiB
   * wait already, nothing was taken. [shard] since 1.0 */
  keel_status (*write)(const keel_host* host, keel_handle conn, const keel_str* pieces, uint32_t n);
  /* The same without copying: `bytes` lie inside the payload or topic of `message`. [shard]
   * since 1.0 */
  keel_status (*write_message)(const keel_host* host, keel_handle conn, keel_message* message,
                               keel_str bytes);
  /* Bytes written and not yet handed to the system. [shard] since 1.0 */
  keel_status (*pending)(const keel_host* host, keel_handle conn, uint64_t* out);
  /* Asks for one `drained`. [shard] since 1.0 */
  keel_status (*notify_drained)(const keel_host* host, keel_handle conn);
  /* No `data` until resumed; what was not consumed is then shown again. [shard] since 1.0 */
  keel_status (*pause)(const keel_host* host, keel_handle conn);
  keel_status (*resume)(const keel_host* host, keel_handle conn);
  /* Sends what waits, then closes; `closed` follows. [shard] since 1.0 */
  keel_status (*shutdown)(const keel_host* host, keel_handle conn);
  /* Closes without sending; `closed` follows. [shard] since 1.0 */
  keel_status (*close)(const keel_host* host, keel_handle conn);
  /* Writes the info through `fn`, called before it returns. [shard] since 1.0 */
  keel_status (*info)(const keel_host* host, keel_handle conn,
                      void (*fn)(void* ctx, const keel_tcp_info* info), void* ctx);
  /* Takes over a connection that the old version had (its handle came in the state blob), with new
   * callbacks; `opened` is not called, conn_ctx is given here. Data flows once the plugin runs.
   * [control, within start()] since 1.0 */
  keel_status (*adopt)(const keel_host* host, keel_handle conn, const keel_tcp_callbacks* callbacks,
                       void* conn_ctx);
} keel_ext_tcp;
#endif
