/* hello in C: what the C++ layer does for you, done by hand. */
#include <keel/ext/broker.h>
#include <keel/ext/udp.h>
#include <stdlib.h>
#include <string.h>

struct hello {
  const keel_host* host;
  const keel_ext_udp* udp;
  const keel_ext_broker* broker;
};

static void on_datagrams(void* ctx, keel_handle socket, const keel_datagram* datagrams,
                         uint32_t n) {
  const struct hello* self = ctx;
  (void)socket;
  for (uint32_t i = 0; i < n; ++i) {
    const keel_str line = datagrams[i].bytes;
    const char* cut = line.size ? memchr(line.data, ' ', line.size) : NULL;
    if (!cut) continue;
    keel_message_view message = {.size = sizeof message};
    message.topic.data = line.data;
    message.topic.size = (size_t)(cut - line.data);
    message.payload.data = cut + 1;
    message.payload.size = line.size - message.topic.size - 1;
    (void)self->broker->publish(self->host, &message);
  }
}

static keel_status start(void* at) {
  struct hello* self = at;
  self->udp = self->host->get_extension(self->host, KEEL_EXT_UDP);
  self->broker = self->host->get_extension(self->host, KEEL_EXT_BROKER);
  if (!self->udp || !self->broker) return KEEL_E_UNSUPPORTED;

  const char* address = "127.0.0.1:7778";
  keel_udp_options options = {.size = sizeof options, .shard = KEEL_SHARD_CURRENT};
  options.address.data = address;
  options.address.size = strlen(address);
  const keel_udp_callbacks callbacks = {.size = sizeof callbacks, .datagrams = on_datagrams};
  keel_handle socket; /* closed by the kernel when the plugin goes */
  return self->udp->bind(self->host, &options, &callbacks, self, &socket);
}

static void stop(void* at) { (void)at; }

static void destroy(void* at) { free(at); }

static keel_status create(const keel_host* host, keel_plugin* out) {
  struct hello* self = calloc(1, sizeof *self);
  if (!self) return KEEL_E_NOMEM;
  self->host = host;
  out->self = self;
  out->start = start;
  out->stop = stop;
  out->destroy = destroy;
  return KEEL_OK;
}

KEEL_PLUGIN_INFO(info, "hello_c", "1.0.0", "UDP lines in, publishes out; in C", "");

KEEL_EXPORT const keel_plugin_entry keel_plugin_entry_v1 = {
    .size = sizeof(keel_plugin_entry), .magic = KEEL_ENTRY_MAGIC, .info = &info, .create = create};
