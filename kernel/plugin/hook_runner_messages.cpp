// The chains that messages and events go through. Nothing is allocated per message.
#include <atomic>

#include "kernel/plugin/client_view.hpp"
#include "kernel/plugin/hook_runner.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/message_properties.hpp"

namespace keel::kernel {
namespace {

// Writes every field, so that the caller need not clear a view per message.
void show(const MessageView& message, std::vector<keel_property>& props, keel_message_view& out) {
  out.size = sizeof out;
  out.qos = message.qos;
  out.retain = message.retain ? 1 : 0;
  out.dup = out.reserved = 0;
  out.topic = str(message.topic);
  out.payload = str(message.payload);
  out.expiry_s = message.expiry_s;
  out.received_ms = message.received_ms;
  out.message = nullptr;
  out.props = nullptr;
  out.props_n = 0;
  if (message.properties.empty()) [[likely]]
    return;
  props.clear();
  read_properties(message.properties, props);
  out.props = props.data();
  out.props_n = static_cast<std::uint32_t>(props.size());
}

}  // namespace

PublishAnswer HookRunner::on_publish(void* self, const PublishRequest& request) {
  HookRunner& mine = of(self);
  PublishAnswer out;
  keel_message_view shown;
  show(request.message, mine.props_, shown);
  shown.client_id = str(request.client_id);
  shown.username = str(request.username);
  HookCalls calls(mine.thread_, CallSite::message_publish);
  for (const ChainedHook& hook : mine.chain(KEEL_HOOK_MESSAGE_PUBLISH)) {
    keel_publish_answer answer;
    answer.size = sizeof answer;
    answer.reason = 0;
    // Stored on its own: merged with its neighbours, the load below would have to wait for it.
    std::atomic_ref(answer.replacement).store(nullptr, std::memory_order_relaxed);
    const auto fn = reinterpret_cast<keel_publish_fn>(hook.fn);
    const std::int32_t verdict = calls.ask(
        hook, [&] { return fn(hook.ctx, &shown, &answer); }, KEEL_NEXT);
    // A reference that was given is the kernel's, whatever the verdict.
    MessagePtr replacement =
        MessagePtr::adopt(reinterpret_cast<const Message*>(answer.replacement));
    if (verdict == KEEL_NEXT) continue;
    if (verdict == KEEL_REPLACE && replacement) {
      out.replacement = std::move(replacement);
      show(out.replacement->view(), mine.props_, shown);
      shown.message = reinterpret_cast<keel_message*>(const_cast<Message*>(out.replacement.get()));
    } else if (verdict == KEEL_DENY) {
      out.verdict = Verdict::deny;
      out.reason =
          answer.reason >= 0x80 ? static_cast<Reason>(answer.reason) : Reason::not_authorized;
      return out;
    } else if (verdict == KEEL_ALLOW || verdict == KEEL_STOP) {
      break;
    }
  }
  return out;
}

void HookRunner::on_event(void* self, const EventInfo& event) {
  HookRunner& mine = of(self);
  const auto index = static_cast<std::uint32_t>(event.event);
  const auto site =
      static_cast<CallSite>(static_cast<std::uint32_t>(CallSite::client_connected) + index);
  const ClientView client(event.client);
  keel_message_view message;
  keel_event shown{};
  shown.size = sizeof shown;
  shown.point = KEEL_HOOK_CLIENT_CONNECTED + index;
  shown.client = event.client.client_id.empty() && !event.client.peer ? nullptr : &client.c;
  shown.topic = str(event.topic);
  shown.reason = str(event.reason);
  shown.qos = event.qos;
  shown.reason_code = code(event.code);
  if (event.message) {
    show(*event.message, mine.props_, message);
    message.client_id = message.username = {};
    shown.message = &message;
  }
  HookCalls calls(mine.thread_, site);
  for (ChainedHook& hook : mine.chain(shown.point)) {
    if (hook.sample > 1 && ++hook.seen < hook.sample) continue;
    hook.seen = 0;
    calls.ask(
        hook,
        [&] {
          reinterpret_cast<keel_event_fn>(hook.fn)(hook.ctx, &shown);
          return KEEL_NEXT;
        },
        KEEL_NEXT);
  }
}

}  // namespace keel::kernel
