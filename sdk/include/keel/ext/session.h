/* Clients of another protocol as ordinary MQTT sessions: authenticated, authorized, limited, listed
 * and taken over like any other. For gateways such as MQTT-SN or LwM2M; the plugin speaks its own
 * protocol to the device and this table to the broker. */
#ifndef KEEL_EXT_SESSION_H
#define KEEL_EXT_SESSION_H
#include "keel/ext/message.h"

#define KEEL_EXT_SESSION "keel.session/1"

typedef struct keel_will {
  uint32_t size;
  uint8_t qos, retain, reserved[2];
  keel_str topic, payload;
  uint32_t delay_s;
  uint32_t reserved2;
} keel_will;

enum {
  KEEL_SESSION_CLEAN = 1,        /* clean start */
  KEEL_SESSION_HAS_USERNAME = 2, /* `username` counts, even if empty */
  KEEL_SESSION_HAS_PASSWORD = 4,
  KEEL_SESSION_LOOPBACK_ONLY = 8 /* the gateway can be reached from this machine only */
};

typedef struct keel_session_request {
  uint32_t size;
  uint32_t flags; /* KEEL_SESSION_* */
  keel_str client_id, username, password;
  uint32_t expiry_s; /* of the session once it is left; 0xffffffff: never */
  uint16_t
      keep_alive_s; /* for hooks and lists: the gateway itself watches whether the client lives */
  uint16_t receive_maximum; /* deliveries in flight at once; 0: 65 535 */
  const keel_will* will;    /* null: none */
  keel_addr peer;
  keel_str protocol;             /* for lists and hooks: "mqtt-sn" */
  keel_str listener_name;        /* "emqx_sn:udp:1884" */
  const keel_verified* verified; /* null: nothing proved. Copied */
} keel_session_request;

typedef struct keel_delivery {
  uint32_t size;
  uint32_t id; /* for received() and ack(); 0 for QoS 0. Stays valid across an upgrade */
  keel_message_view message; /* qos and retain as delivered; dup: may have been delivered before */
} keel_delivery;

typedef struct keel_subscription {
  uint32_t size;
  uint8_t qos, no_local, retain_as_published, retain_handling;
  keel_str filter;
} keel_subscription;

/* All [shard that called open]. `reason` is an MQTT 5 reason code. */
typedef struct keel_session_callbacks {
  uint32_t size;
  uint32_t reserved;
  /* open() is done: reason 0 and whether the broker had the session, or the refusal, after which
   * the handle is gone. */
  void (*opened)(void* ctx, keel_handle session, uint8_t reason, int32_t present);
  /* Messages for the client, in the order they came: nothing overtakes what waits for room among
   * those in flight, QoS 0 neither. QoS 1/2 must be answered by ack(). */
  void (*deliver)(void* ctx, keel_handle session, const keel_delivery* deliveries, uint32_t n);
  /* The answer to subscribe() or unsubscribe(): one code per filter. */
  void (*suback)(void* ctx, keel_handle session, uint64_t token, const uint8_t* codes, uint32_t n);
  /* A publish() is done. QoS 0: not called. */
  void (*published)(void* ctx, keel_handle session, uint64_t token, uint8_t reason);
  /* The session's connection ended: taken over, kicked, denied, shutting down, or the plugin's
   * close(). The last call. */
  void (*closed)(void* ctx, keel_handle session, uint8_t reason, keel_str word);
  /* A poll() is done: everything it is about has been delivered, though perhaps not acknowledged.
   * Comes behind the last of these deliveries. Optional: a caller's size may end before it. */
  void (*polled)(void* ctx, keel_handle session);
} keel_session_callbacks;

/* A session's figures in the broker. */
typedef struct keel_session_stats {
  uint32_t size;
  uint32_t waiting;  /* messages that have not been delivered yet; retained ones still owed to a new
                      * subscription are not among them */
  uint32_t inflight; /* delivered, but not acknowledged */
  uint32_t subscriptions;
  uint64_t dropped; /* messages it did not get, since the session was made */
} keel_session_stats;

/* [shard that called open] */
typedef void (*keel_session_stats_fn)(void* ctx, const keel_session_stats* stats);

typedef struct keel_ext_session {
  uint32_t size;
  uint32_t reserved;
  /* Connects a client; `opened` follows. Runs the hooks of a CONNECT. [shard] since 1.0 */
  keel_status (*open)(const keel_host* host, const keel_session_request* request,
                      const keel_session_callbacks* callbacks, void* ctx, keel_handle* out);
  /* Publishes as the client. `published` follows for QoS 1/2, also when the broker does not take it
   * (topic, QoS, retain); the session goes on. KEEL_E_LIMIT: too many are under way. [shard of
   * open] since 1.0 */
  keel_status (*publish)(const keel_host* host, keel_handle session, const keel_message_view* view,
                         uint64_t token);
  /* `suback` follows with the token. [shard of open] since 1.0 */
  keel_status (*subscribe)(const keel_host* host, keel_handle session,
                           const keel_subscription* subscriptions, uint32_t n, uint64_t token);
  keel_status (*unsubscribe)(const keel_host* host, keel_handle session, const keel_str* filters,
                             uint32_t n, uint64_t token);
  /* QoS 2 only, optional: the client has the message (its PUBREC); it is not delivered again, but
   * its place in the window stays taken until ack(). [shard of open] since 1.0 */
  keel_status (*received)(const keel_host* host, keel_handle session, uint32_t delivery_id);
  /* The client has acknowledged (QoS 1) or completed (QoS 2); `reason` 0, or >= 0x80: refused by
   * the client. [shard of open] since 1.0 */
  keel_status (*ack)(const keel_host* host, keel_handle session, uint32_t delivery_id,
                     uint8_t reason);
  /* Replaces the will; null removes it. `published` follows with the token: reason 0, or why the
   * old one stays (0x87: the client may not publish there). [shard of open] since 1.0 */
  keel_status (*set_will)(const keel_host* host, keel_handle session, const keel_will* will,
                          uint64_t token);
  /* The client sleeps: nothing is delivered, everything (QoS 0, too) waits in the broker's session,
   * at most `queue_limit` messages (0: the broker's limit); keep alive is not watched. [shard of
   * open] since 1.0 */
  keel_status (*suspend)(const keel_host* host, keel_handle session, uint32_t queue_limit);
  /* Deliveries go on. [shard of open] since 1.0 */
  keel_status (*resume)(const keel_host* host, keel_handle session);
  /* Ends the connection; reason 0: normally, without will; else as a lost client. The session stays
   * for its expiry. `closed` follows. [shard of open] since 1.0 */
  keel_status (*close)(const keel_host* host, keel_handle session, uint8_t reason);
  /* Takes over a session that the old version had open (its handle came in the state blob).
   * Deliveries go on once the plugin runs. [control, within start()] since 1.0 */
  keel_status (*attach)(const keel_host* host, keel_handle session,
                        const keel_session_callbacks* callbacks, void* ctx);
  /* The client is awake for a moment: what waits for it now is delivered, in order and as its
   * acknowledgements make room; what comes later waits on. `polled` follows behind the last of it,
   * soon if nothing waits, and the session stays suspended all the while. A resume(), a suspend()
   * or another poll() ends a poll under way: its `polled` does not come any more. A poll under way
   * goes on across an upgrade. KEEL_E_STATE: not suspended. [shard of open] since 1.0 */
  keel_status (*poll)(const keel_host* host, keel_handle session);
  /* Asks for the session's figures; `fn` is called once, later, with null when the session ended or
   * the plugin is being unloaded or replaced: perhaps after `closed`. KEEL_E_LIMIT: too many are
   * asked for already. [shard of open] since 1.0 */
  keel_status (*inspect)(const keel_host* host, keel_handle session, keel_session_stats_fn fn,
                         void* ctx);
} keel_ext_session;
#endif
