/* Publishing, and what the broker knows. */
#ifndef KEEL_EXT_BROKER_H
#define KEEL_EXT_BROKER_H
#include "keel/ext/message.h"

#define KEEL_EXT_BROKER "keel.broker/1"

typedef void (*keel_retained_fn)(void* ctx, const keel_message_view* messages, uint32_t n);

typedef struct keel_ext_broker {
  uint32_t size;
  uint32_t reserved;
  /* Publishes to all subscribers, after the message_publish hooks, on a later turn of a shard;
   * messages of one thread to one topic keep their order. The client id in the hooks is
   * `$plugin/<name>`; topics below $SYS are refused (KEEL_E_DENIED). KEEL_E_LIMIT: too many wait
   * already (KEEL_E_LIMIT is backpressure: try later). [any] since 1.0 */
  keel_status (*publish)(const keel_host* host, const keel_message_view* view);
  /* The same for a message that exists; takes no reference of the caller's. [any] since 1.0 */
  keel_status (*publish_message)(const keel_host* host, keel_message* message);
  /* Shows the retained messages that match a filter, in batches on later turns of this shard, then
   * calls `done` (one-shot). [shard] since 1.0 */
  keel_status (*retained)(const keel_host* host, keel_str filter, keel_retained_fn fn,
                          keel_task_fn done, void* ctx);
  /* Removes one retained message. [any] since 1.0 */
  keel_status (*retained_clear)(const keel_host* host, keel_str topic);
  /* How many sessions a message to `topic` would go to (each shared group counts once). [shard]
   * since 1.0 */
  keel_status (*match_count)(const keel_host* host, keel_str topic, uint32_t* out);
  /* The broker's version and node name. [any] since 1.0 */
  void (*version)(const keel_host* host, keel_sink out);
  void (*node_name)(const keel_host* host, keel_sink out);
} keel_ext_broker;
#endif
