/* A plugin that is asked about messages on their way and has no opinion: what is left
 * is the price of being asked. Built several times, each with a NAME of its own. */
#include <keel/abi.h>
#include <keel/ext/hooks.h>

static const keel_host* host;

#ifdef WITH_AUTHORIZE
static int32_t on_authorize(void* ctx, const keel_authorize_request* request, keel_handle ticket) {
  (void)ctx;
  (void)request;
  (void)ticket;
  return KEEL_NEXT;
}
#endif

static int32_t on_publish(void* ctx, const keel_message_view* message,
                          keel_publish_answer* answer) {
  (void)ctx;
  (void)message;
  (void)answer;
  return KEEL_NEXT;
}

#ifdef WITH_EVENTS
static void on_event(void* ctx, const keel_event* event) {
  (void)ctx;
  (void)event;
}
#endif

static keel_status add(const keel_ext_hooks* hooks, uint32_t point, keel_hook_fn fn) {
  keel_handle handle = 0;
  return hooks->add(host, point, 0, 0, fn, 0, &handle);
}

static keel_status start(void* self) {
  const keel_ext_hooks* hooks = host->get_extension(host, KEEL_EXT_HOOKS);
  keel_status status = KEEL_OK;
  (void)self;
  if (!hooks) return KEEL_E_UNSUPPORTED;
  status = add(hooks, KEEL_HOOK_MESSAGE_PUBLISH, (keel_hook_fn)on_publish);
#ifdef WITH_AUTHORIZE
  if (status == KEEL_OK)
    status = add(hooks, KEEL_HOOK_CLIENT_AUTHORIZE, (keel_hook_fn)on_authorize);
#endif
#ifdef WITH_EVENTS
  if (status == KEEL_OK) status = add(hooks, KEEL_HOOK_MESSAGE_DELIVERED, (keel_hook_fn)on_event);
  if (status == KEEL_OK) status = add(hooks, KEEL_HOOK_MESSAGE_ACKED, (keel_hook_fn)on_event);
#endif
  return status;
}

static void stop(void* self) { (void)self; }
static void destroy(void* self) { (void)self; }

static keel_status create(const keel_host* given, keel_plugin* out) {
  host = given;
  out->self = &host;
  out->start = start;
  out->stop = stop;
  out->destroy = destroy;
  return KEEL_OK;
}

KEEL_PLUGIN_INFO(info, NAME, "1.0.0", "has no opinion", "");

KEEL_EXPORT extern const keel_plugin_entry keel_plugin_entry_v1;
const keel_plugin_entry keel_plugin_entry_v1 = {
    .size = sizeof(keel_plugin_entry), .magic = KEEL_ENTRY_MAGIC, .info = &info, .create = create};
