/* Taking part in what the broker does. Each point has a chain, ordered by priority (higher first),
 * then by the order of registration. Hooks run on the data path: they must not block, and anything
 * slow belongs to worker/1 with a PENDING verdict.
 *
 * An exception, an unknown verdict or no answer in time counts as DENY in authenticate,
 * enhanced_auth and authorize, and as NEXT elsewhere. */
#ifndef KEEL_EXT_HOOKS_H
#define KEEL_EXT_HOOKS_H
#include "keel/ext/message.h"

#define KEEL_EXT_HOOKS "keel.hooks/1"

enum {
  KEEL_NEXT = 0,     /* no opinion: ask the next one */
  KEEL_ALLOW = 1,    /* yes, and the chain ends */
  KEEL_DENY = 2,     /* no, and the chain ends */
  KEEL_PENDING = 3,  /* auth.resolve() will tell; within 5 seconds, else denied */
  KEEL_CONTINUE = 4, /* enhanced_auth: send data, wait for the client's */
  KEEL_REPLACE = 5,  /* message_publish: go on with the message given */
  KEEL_STOP = 6      /* the chain ends here; nothing else changes */
};

typedef enum keel_hook_point {
  KEEL_HOOK_CLIENT_CONNECT = 1,
  KEEL_HOOK_CLIENT_CONNACK = 2,
  KEEL_HOOK_CLIENT_AUTHENTICATE = 3,
  KEEL_HOOK_CLIENT_ENHANCED_AUTH = 4,
  KEEL_HOOK_CLIENT_AUTHORIZE = 5,
  KEEL_HOOK_CLIENT_SUBSCRIBE = 6,
  KEEL_HOOK_CLIENT_UNSUBSCRIBE = 7,
  KEEL_HOOK_MESSAGE_PUBLISH = 8,
  KEEL_HOOK_CLIENT_CONNECTED = 9, /* also refused ones, with the code */
  KEEL_HOOK_CLIENT_DISCONNECTED = 10,
  KEEL_HOOK_SESSION_CREATED = 11,
  KEEL_HOOK_SESSION_RESUMED = 12,
  KEEL_HOOK_SESSION_TAKEN_OVER = 13,
  KEEL_HOOK_SESSION_TERMINATED = 14,
  KEEL_HOOK_SESSION_SUBSCRIBED = 15,
  KEEL_HOOK_SESSION_UNSUBSCRIBED = 16,
  KEEL_HOOK_MESSAGE_DELIVERED = 17,
  KEEL_HOOK_MESSAGE_ACKED = 18,
  KEEL_HOOK_MESSAGE_DROPPED = 19
} keel_hook_point;

/* Who a question is about. */
typedef struct keel_client {
  uint32_t size;
  uint8_t version; /* 3: MQTT 3.1, 4: 3.1.1, 5: 5.0 */
  uint8_t clean_start, has_username, has_password;
  keel_str client_id, username, listener, protocol; /* "mqtt", "mqtt-sn", ... */
  keel_addr peer;
  const keel_verified* verified; /* null: nothing proved */
  uint32_t keep_alive_s, session_expiry_s;
} keel_client;

/* client_connect: before authentication. Set the bits of what was changed. */
enum {
  KEEL_EDIT_KEEP_ALIVE = 1,
  KEEL_EDIT_SESSION_EXPIRY = 2,
  KEEL_EDIT_RECEIVE_MAXIMUM = 4,
  KEEL_EDIT_MAXIMUM_PACKET_SIZE = 8,
  KEEL_EDIT_TOPIC_ALIAS_MAXIMUM = 16,
  KEEL_EDIT_CLIENT_ID = 32,
  KEEL_EDIT_USERNAME = 64
};
typedef struct keel_connect_answer {
  uint32_t size;
  uint32_t edits; /* KEEL_EDIT_* */
  uint8_t reason; /* with DENY: an MQTT 5 reason code >= 0x80; 0: 0x87 not authorized */
  uint8_t reserved[3];
  uint32_t keep_alive_s, session_expiry_s, receive_maximum, maximum_packet_size,
      topic_alias_maximum;
  keel_sink client_id, username;
} keel_connect_answer;
typedef int32_t (*keel_connect_fn)(void* ctx, const keel_client* client, keel_str will_topic,
                                   keel_connect_answer* answer);

/* client_connack: before CONNACK is sent; DENY only while `reason` is 0. */
typedef struct keel_connack_answer {
  uint32_t size;
  uint8_t reason;
  uint8_t reserved[3];
  keel_sink response_information, reason_string; /* v5 clients only */
  void* ctx;
  void (*add_user_property)(void* ctx, keel_str name, keel_str value); /* pass answer->ctx */
} keel_connack_answer;
typedef int32_t (*keel_connack_fn)(void* ctx, const keel_client* client, uint8_t reason,
                                   int32_t session_present, keel_connack_answer* answer);

/* client_authenticate and client_enhanced_auth [MQTT5 4.12]. */
typedef struct keel_auth_request {
  uint32_t size;
  uint32_t reserved;
  const keel_client* client;
  keel_str password;
  keel_str auth_method, auth_data; /* enhanced_auth only */
} keel_auth_request;
typedef struct keel_auth_answer {
  uint32_t size;
  uint8_t reason;    /* with DENY: reason code; 0: 0x86 for a bad password, 0x87 otherwise as the
                        kernel sees fit */
  uint8_t superuser; /* with ALLOW: no authorization checks */
  uint8_t reserved[2];
  uint32_t expiry_s; /* with ALLOW: the credential is good for so long; 0: for ever */
  uint32_t reserved2;
  keel_sink mountpoint; /* with ALLOW: replaces the listener's */
  keel_sink data;       /* with CONTINUE, and optionally ALLOW */
} keel_auth_answer;
typedef int32_t (*keel_authenticate_fn)(void* ctx, const keel_auth_request* request,
                                        keel_handle ticket, keel_auth_answer* answer);

/* client_authorize: asked for each publish and subscribe, remembered per client for a minute. */
enum { KEEL_PUBLISH = 1, KEEL_SUBSCRIBE = 2 };
typedef struct keel_authorize_request {
  uint32_t size;
  uint8_t action; /* KEEL_PUBLISH or KEEL_SUBSCRIBE */
  uint8_t qos, retain, reserved;
  const keel_client* client;
  keel_str topic; /* name or filter */
} keel_authorize_request;
typedef int32_t (*keel_authorize_fn)(void* ctx, const keel_authorize_request* request,
                                     keel_handle ticket);

/* client_subscribe and client_unsubscribe: once per packet and filter. */
typedef struct keel_filter_answer {
  uint32_t size;
  uint8_t reason; /* with DENY: >= 0x80; 0: 0x87 */
  uint8_t qos, no_local, retain_as_published,
      retain_handling; /* as asked for; change them freely */
  uint8_t reserved[3];
  keel_sink filter; /* write another filter to subscribe to that instead */
} keel_filter_answer;
typedef int32_t (*keel_filter_fn)(void* ctx, const keel_client* client, keel_str filter,
                                  keel_filter_answer* answer);

/* message_publish. */
typedef struct keel_publish_answer {
  uint32_t size;
  uint8_t reason; /* with DENY: what a v5 publisher is told; 0: 0x87 */
  uint8_t reserved[3];
  keel_message* replacement; /* with REPLACE: its reference passes to the kernel */
} keel_publish_answer;
typedef int32_t (*keel_publish_fn)(void* ctx, const keel_message_view* message,
                                   keel_publish_answer* answer);

/* The notifications, KEEL_HOOK_CLIENT_CONNECTED and following. */
typedef struct keel_event {
  uint32_t size;
  uint32_t point;            /* keel_hook_point */
  const keel_client* client; /* null where there is none */
  keel_str topic;            /* filter or topic name where there is one */
  keel_str reason;           /* a word: "success", "keepalive_timeout", "queue_full", ... */
  uint8_t qos, reason_code;
  uint8_t reserved[6];
  const keel_message_view* message; /* message_*; null otherwise */
} keel_event;
typedef void (*keel_event_fn)(void* ctx, const keel_event* event);

typedef void (*keel_hook_fn)(void); /* one of the above, cast */

typedef struct keel_ext_hooks {
  uint32_t size;
  uint32_t reserved;
  /* Adds a hook. In start(): it takes effect together with all others when start() has succeeded.
   * Later: when the call returns. Higher priorities first; the usual one is 0. `sample`: for
   * message_delivered, message_acked and message_dropped one event in so many; 0 and 1: every one.
   * [control] since 1.0 */
  keel_status (*add)(const keel_host* host, uint32_t point, int32_t priority, uint32_t sample,
                     keel_hook_fn fn, void* ctx, keel_handle* out);
  /* When it returns no shard is or will be in the hook. [control] since 1.0 */
  keel_status (*remove)(const keel_host* host, keel_handle hook);
} keel_ext_hooks;
#endif
