// The chains that change what a client asks for or is told: CONNECT, CONNACK, SUBSCRIBE,
// UNSUBSCRIBE.
#include <limits>
#include <optional>

#include "kernel/plugin/client_view.hpp"
#include "kernel/plugin/hook_runner.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kMostProperties = 100, kLongestProperty = 65'535;

Reason error_or(std::uint8_t given, Reason usual) {
  return given >= 0x80 ? static_cast<Reason>(given) : usual;
}

std::uint16_t to_u16(std::uint32_t value) {
  return static_cast<std::uint16_t>(
      std::min<std::uint32_t>(value, std::numeric_limits<std::uint16_t>::max()));
}

// What one hook changed goes into the answer, and shows to the next hook.
void apply_edits(const keel_connect_answer& from, std::string& client_id, std::string& username,
                 HookClient& client, ConnectAnswer& out) {
  if (from.edits & KEEL_EDIT_KEEP_ALIVE)
    out.keep_alive_s = client.keep_alive_s = to_u16(from.keep_alive_s);
  if (from.edits & KEEL_EDIT_SESSION_EXPIRY)
    out.session_expiry_s = client.session_expiry_s = from.session_expiry_s;
  if (from.edits & KEEL_EDIT_RECEIVE_MAXIMUM) out.receive_maximum = from.receive_maximum;
  if (from.edits & KEEL_EDIT_MAXIMUM_PACKET_SIZE)
    out.maximum_packet_size = from.maximum_packet_size;
  if (from.edits & KEEL_EDIT_TOPIC_ALIAS_MAXIMUM)
    out.topic_alias_maximum = to_u16(from.topic_alias_maximum);
  if (from.edits & KEEL_EDIT_CLIENT_ID) {
    out.client_id = std::move(client_id);
    client.client_id = *out.client_id;
  }
  if (from.edits & KEEL_EDIT_USERNAME) {
    out.username = std::move(username);
    client.username = *out.username;
  }
}

struct ConnackSink {
  ConnackAnswer* out;
  static void add(void* ctx, keel_str name, keel_str value) {
    auto& properties = static_cast<ConnackSink*>(ctx)->out->user_properties;
    if (properties.size() < kMostProperties && name.size <= kLongestProperty &&
        value.size <= kLongestProperty)
      properties.emplace_back(view(name), view(value));
  }
};

}  // namespace

ConnectAnswer HookRunner::on_connect(void* self, const ConnectRequest& request) {
  ConnectAnswer out;
  HookClient client = request.client;
  HookCalls calls(of(self).thread_, CallSite::client_connect);
  for (const ChainedHook& hook : of(self).chain(KEEL_HOOK_CLIENT_CONNECT)) {
    const ClientView shown(client);
    std::string client_id, username;
    keel_connect_answer answer{};
    answer.size = sizeof answer;
    answer.keep_alive_s = client.keep_alive_s;
    answer.session_expiry_s = client.session_expiry_s;
    answer.receive_maximum = request.receive_maximum;
    answer.maximum_packet_size = request.maximum_packet_size;
    answer.topic_alias_maximum = request.topic_alias_maximum;
    answer.client_id = sink_into(client_id);
    answer.username = sink_into(username);
    const auto fn = reinterpret_cast<keel_connect_fn>(hook.fn);
    const std::int32_t verdict = calls.ask(
        hook, [&] { return fn(hook.ctx, &shown.c, str(request.will_topic), &answer); }, KEEL_NEXT);
    if (verdict == KEEL_DENY) {
      out.verdict = Verdict::deny;
      out.reason = error_or(answer.reason, Reason::not_authorized);
      return out;
    }
    if (verdict == KEEL_NEXT || verdict == KEEL_ALLOW || verdict == KEEL_STOP)
      apply_edits(answer, client_id, username, client, out);
    if (verdict == KEEL_ALLOW || verdict == KEEL_STOP) break;
  }
  return out;
}

ConnackAnswer HookRunner::on_connack(void* self, const ConnackRequest& request) {
  ConnackAnswer out;
  const ClientView client(request.client);
  ConnackSink sink{&out};
  HookCalls calls(of(self).thread_, CallSite::client_connack);
  for (const ChainedHook& hook : of(self).chain(KEEL_HOOK_CLIENT_CONNACK)) {
    std::string information, text;
    keel_connack_answer answer{};
    answer.size = sizeof answer;
    answer.response_information = sink_into(information);
    answer.reason_string = sink_into(text);
    answer.ctx = &sink;
    answer.add_user_property = ConnackSink::add;
    const auto fn = reinterpret_cast<keel_connack_fn>(hook.fn);
    const std::int32_t verdict = calls.ask(
        hook,
        [&] {
          return fn(hook.ctx, &client.c, code(request.reason), request.session_present ? 1 : 0,
                    &answer);
        },
        KEEL_NEXT);
    if (!information.empty()) out.response_information = std::move(information);
    if (!text.empty()) out.reason_string = std::move(text);
    if (verdict == KEEL_DENY && !is_error(request.reason)) {
      out.verdict = Verdict::deny;
      out.reason = error_or(answer.reason, Reason::not_authorized);
      return out;
    }
    if (verdict == KEEL_ALLOW || verdict == KEEL_STOP) break;
  }
  return out;
}

void HookRunner::on_subscribe(void* self, const FiltersRequest& request) {
  HookRunner& mine = of(self);
  mine.edit_filters(mine.chain(KEEL_HOOK_CLIENT_SUBSCRIBE), CallSite::client_subscribe, request);
}

void HookRunner::on_unsubscribe(void* self, const FiltersRequest& request) {
  HookRunner& mine = of(self);
  mine.edit_filters(mine.chain(KEEL_HOOK_CLIENT_UNSUBSCRIBE), CallSite::client_unsubscribe,
                    request);
}

void HookRunner::edit_filters(std::vector<ChainedHook>& hooks, CallSite site,
                              const FiltersRequest& request) {
  const ClientView client(request.client);
  HookCalls calls(thread_, site);
  for (FilterChoice& choice : request.filters) {
    for (const ChainedHook& hook : hooks) {
      std::string replacement;
      keel_filter_answer answer{};
      answer.size = sizeof answer;
      answer.qos = choice.qos;
      answer.no_local = choice.no_local ? 1 : 0;
      answer.retain_as_published = choice.retain_as_published ? 1 : 0;
      answer.retain_handling = choice.retain_handling;
      answer.filter = sink_into(replacement);
      const auto fn = reinterpret_cast<keel_filter_fn>(hook.fn);
      const std::string_view asked =
          choice.replacement.empty() ? choice.filter : std::string_view(choice.replacement);
      const std::int32_t verdict = calls.ask(
          hook, [&] { return fn(hook.ctx, &client.c, str(asked), &answer); }, KEEL_NEXT);
      if (verdict == KEEL_DENY) {
        choice.reason = error_or(answer.reason, Reason::not_authorized);
        break;
      }
      if (verdict != KEEL_NEXT && verdict != KEEL_ALLOW && verdict != KEEL_STOP) continue;
      if (answer.qos <= 2) choice.qos = answer.qos;
      if (answer.retain_handling <= 2) choice.retain_handling = answer.retain_handling;
      choice.no_local = answer.no_local != 0;
      choice.retain_as_published = answer.retain_as_published != 0;
      if (!replacement.empty()) choice.replacement = std::move(replacement);
      if (verdict != KEEL_NEXT) break;
    }
  }
}

}  // namespace keel::kernel
