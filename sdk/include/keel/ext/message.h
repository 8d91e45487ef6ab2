/* Application messages [MQTT5 3.3]: immutable, counted. */
#ifndef KEEL_EXT_MESSAGE_H
#define KEEL_EXT_MESSAGE_H
#include "keel/abi.h"

#define KEEL_EXT_MESSAGE "keel.message/1"
#define KEEL_NO_EXPIRY 0xffffffffu

typedef struct keel_message keel_message; /* opaque, counted */

enum {
  KEEL_PROP_PAYLOAD_FORMAT = 1,   /* number 0 or 1 */
  KEEL_PROP_CONTENT_TYPE = 3,     /* value */
  KEEL_PROP_RESPONSE_TOPIC = 8,   /* value */
  KEEL_PROP_CORRELATION_DATA = 9, /* value, binary */
  KEEL_PROP_USER = 38             /* name and value; may occur often, order kept */
};

/* One MQTT 5 property that travels with a message. */
typedef struct keel_property {
  uint32_t id; /* KEEL_PROP_* */
  uint32_t number;
  keel_str name, value;
} keel_property;

typedef struct keel_message_view {
  uint32_t size;
  uint8_t qos, retain, dup, reserved;
  keel_str topic, payload;
  keel_str client_id, username; /* of the publisher; empty when not known or not a client */
  const keel_property* props;
  uint32_t props_n;
  uint32_t
      expiry_s; /* message expiry interval; KEEL_NO_EXPIRY: none. create(): 0 means none, too */
  int64_t received_ms; /* monotonic, see clock/1; ignored by create and publish */
  keel_message*
      message; /* the message itself if it exists as one: message.ref() keeps it; may be null */
} keel_message_view;

typedef struct keel_ext_message {
  uint32_t size;
  uint32_t reserved;
  /* Copies what the view shows into a new message with one reference. KEEL_E_INVAL: topic empty,
   * with wildcards, not UTF-8 or too long; QoS above 2. [any] since 1.0 */
  keel_status (*create)(const keel_host* host, const keel_message_view* view, keel_message** out);
  void (*ref)(const keel_host* host, keel_message* message);   /* [any] since 1.0 */
  void (*unref)(const keel_host* host, keel_message* message); /* [any] since 1.0 */
  /* Shows a message through `fn`, called before it returns; the bytes stay valid while a reference
   * is held. [any] since 1.0 */
  keel_status (*view)(const keel_host* host, keel_message* message,
                      void (*fn)(void* ctx, const keel_message_view* view), void* ctx);
} keel_ext_message;
#endif
