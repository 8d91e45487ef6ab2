// message/1.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/message_from.hpp"
#include "kernel/plugin/message_properties.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

const Message& of(keel_message* message) { return *reinterpret_cast<const Message*>(message); }

keel_status message_create(const keel_host* host, const keel_message_view* view_,
                           keel_message** out) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("message.create");
  if (!out) return fail(KEEL_E_INVAL, "message.create: no place for the result");
  MessagePtr made;
  if (const keel_status bad = message_from(slot, view_, "message.create", made)) return bad;
  *out = reinterpret_cast<keel_message*>(const_cast<Message*>(made.release()));
  return KEEL_OK;
}

void message_ref(const keel_host*, keel_message* message) {
  if (message) of(message).ref();
}

void message_unref(const keel_host*, keel_message* message) {
  if (message) of(message).unref();
}

keel_status message_view(const keel_host*, keel_message* message,
                         void (*fn)(void* ctx, const keel_message_view* view), void* ctx) {
  if (!message || !fn)
    return fail(KEEL_E_INVAL, "message.view: a message and a function are needed");
  const MessageView parts = of(message).view();
  std::vector<keel_property> props;
  read_properties(parts.properties, props);
  keel_message_view shown{};
  shown.size = sizeof shown;
  shown.qos = parts.qos;
  shown.retain = parts.retain ? 1 : 0;
  shown.topic = str(parts.topic);
  shown.payload = str(parts.payload);
  shown.props = props.data();
  shown.props_n = static_cast<std::uint32_t>(props.size());
  shown.expiry_s = parts.expiry_s;
  shown.received_ms = parts.received_ms;
  shown.message = message;
  fn(ctx, &shown);
  return KEEL_OK;
}

}  // namespace

const keel_ext_message tables::message = {.size = sizeof(keel_ext_message),
                                          .reserved = 0,
                                          .create = message_create,
                                          .ref = message_ref,
                                          .unref = message_unref,
                                          .view = message_view};

}  // namespace keel::kernel
