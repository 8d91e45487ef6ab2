// session/1.
#include <algorithm>

#include "kernel/base/utf8.hpp"
#include "kernel/codec/decoder.hpp"
#include "kernel/plugin/gateway_peer.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/message_properties.hpp"
#include "kernel/plugin/plugin_session.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kSubscriptionSize = offsetof(keel_subscription, filter) + sizeof(keel_str);
constexpr std::uint32_t kMostFilters = 1'000;
constexpr std::size_t kLongestSessionField = 65'535;

keel_status read_callbacks(const keel_session_callbacks* from, keel_session_callbacks& to) {
  if (!read_struct(from, offsetof(keel_session_callbacks, closed) + sizeof to.closed, to) ||
      !to.deliver)
    return fail(KEEL_E_INVAL, "session: the callbacks need at least deliver, and their size");
  return KEEL_OK;
}

// A will of the plugin's as CONNECT carries it; views into `from`.
keel_status read_will(const keel_will* given, WillView& out) {
  keel_will from{};
  if (!read_struct(given, offsetof(keel_will, delay_s) + sizeof from.delay_s, from))
    return fail(KEEL_E_INVAL, "session: the will needs its size");
  out.topic = view(from.topic);
  out.payload = view(from.payload);
  out.qos = from.qos;
  out.retain = from.retain != 0;
  out.delay_s = from.delay_s;
  if (!valid_topic_name(out.topic) || out.topic.size() > kLongestSessionField)
    return fail(KEEL_E_INVAL, "session: the will's topic is no topic name");
  if (out.qos > 2 || out.payload.size() > kLongestSessionField)
    return fail(KEEL_E_INVAL,
                "session: the will's QoS is above 2, or its payload over 65 535 bytes");
  return KEEL_OK;
}

keel_status read_request(const keel_session_request& request, ConnectView& connect) {
  connect.version = Version::v5;
  connect.client_id = view(request.client_id);
  connect.username = view(request.username);
  connect.password = view(request.password);
  connect.clean_start = (request.flags & KEEL_SESSION_CLEAN) != 0;
  connect.has_username = (request.flags & KEEL_SESSION_HAS_USERNAME) != 0;
  connect.has_password = (request.flags & KEEL_SESSION_HAS_PASSWORD) != 0;
  connect.session_expiry_s = request.expiry_s;
  connect.keep_alive_s = request.keep_alive_s;
  connect.receive_maximum =
      request.receive_maximum != 0 ? request.receive_maximum : std::uint16_t{65535};
  if (connect.client_id.empty())
    return fail(KEEL_E_INVAL, "session.open: the client id is empty; the gateway has to make one");
  for (const Bytes field : {connect.client_id, connect.username, connect.password})
    if (field.size() > kLongestSessionField)
      return fail(KEEL_E_INVAL, "session.open: client id, user name or password over 65 535 bytes");
  if (request.will) {
    if (const keel_status bad = read_will(request.will, connect.will)) return bad;
    connect.has_will = true;
  }
  return KEEL_OK;
}

keel_status session_open(const keel_host* host, const keel_session_request* given,
                         const keel_session_callbacks* fns, void* ctx, keel_handle* out) {
  Slot& slot = Slot::of(host);
  keel_status status = KEEL_OK;
  HostThread* const thread = check_shard(slot, "session.open", status);
  if (!thread) return status;
  keel_session_request request{};
  keel_session_callbacks callbacks{};
  if (!out ||
      !read_struct(given, offsetof(keel_session_request, verified) + sizeof(void*), request))
    return fail(KEEL_E_INVAL, "session.open: a request with its size, and a result are needed");
  if ((status = read_callbacks(fns, callbacks))) return status;
  ConnectView connect;
  if ((status = read_request(request, connect))) return status;
  const std::string_view name = view(request.listener_name), protocol = view(request.protocol);
  PeerInfo peer;
  peer.endpoint = to_endpoint(request.peer);
  peer.listener = slot.runtime().gateways().get(
      name.empty() ? slot.name() : name, protocol.empty() ? "mqtt" : protocol,
      (request.flags & KEEL_SESSION_LOOPBACK_ONLY) != 0, true);
  peer.verified = copy_verified(request.verified);
  auto session = std::make_unique<PluginSession>(slot, thread->index(),
                                                 *slot.session_callbacks.keep(callbacks), ctx,
                                                 std::string(connect.client_id));
  if (auto opened = session->open(*thread, std::move(peer), connect); !opened)
    return fail(KEEL_E_LIMIT, "session.open: " + opened.error());
  return slot.add(std::move(session), out);
}

PluginSession* find_session(const keel_host* host, keel_handle handle, const char* function,
                            keel_status& status) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) {
    status = refuse_unloading(function);
    return nullptr;
  }
  auto* session = slot.find<PluginSession>(handle, ObjectKind::session, status, function);
  if (session && !session->open()) {
    status = fail(KEEL_E_STALE, fmt::format("{}: the session is closed", function));
    return nullptr;
  }
  return session;
}

keel_status answer(SessionClient::Sent sent, const char* function) {
  switch (sent) {
    case SessionClient::Sent::ok:
      return KEEL_OK;
    case SessionClient::Sent::full:
      return fail(KEEL_E_LIMIT,
                  fmt::format("{}: too much waits for the broker's answer", function));
    case SessionClient::Sent::too_large:
      return fail(KEEL_E_LIMIT, fmt::format("{}: larger than the broker takes", function));
  }
  return KEEL_OK;
}

keel_status session_publish(const keel_host* host, keel_handle handle,
                            const keel_message_view* given, std::uint64_t token) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.publish", status);
  if (!session) return status;
  keel_message_view message{};
  if (!read_struct(given, offsetof(keel_message_view, expiry_s) + sizeof message.expiry_s, message))
    return fail(KEEL_E_INVAL, "session.publish: the message needs its size");
  if (session->backed_up())
    return fail(KEEL_E_LIMIT, "session.publish: the broker has not taken what was sent before");
  PublishView publish;
  publish.topic = view(message.topic);
  publish.payload = view(message.payload);
  publish.qos = message.qos;
  publish.retain = message.retain != 0;
  publish.expiry_s = message.expiry_s != 0 ? message.expiry_s : kNoExpiry;
  if (publish.qos > 2 || publish.topic.size() > kLongestSessionField ||
      !valid_topic_name(publish.topic))
    return fail(KEEL_E_INVAL, "session.publish: the topic is no topic name, or the QoS above 2");
  std::string properties;
  if ((status = write_properties(message.props, message.props_n, properties))) return status;
  publish.properties = properties;
  return answer(session->order([&](SessionClient& client, OutBuffer& out) {
    return client.publish(out, publish, token);
  }),
                "session.publish");
}

keel_status session_subscribe(const keel_host* host, keel_handle handle,
                              const keel_subscription* subscriptions, std::uint32_t n,
                              std::uint64_t token) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.subscribe", status);
  if (!session) return status;
  if (n == 0 || n > kMostFilters || !subscriptions)
    return fail(KEEL_E_INVAL, "session.subscribe: 1 to 1000 filters at once");
  std::vector<FilterView> filters;
  for (std::uint32_t i = 0; i < n; ++i) {
    keel_subscription one{};
    // Arrays of sized structs are stepped through by the first one's size.
    const auto* const at = reinterpret_cast<const keel_subscription*>(
        reinterpret_cast<const char*>(subscriptions) + std::size_t{i} * subscriptions->size);
    if (!read_struct(at, kSubscriptionSize, one))
      return fail(KEEL_E_INVAL, "session.subscribe: a subscription needs its size");
    if (one.qos > 2 || one.retain_handling > 2 || view(one.filter).size() > kLongestSessionField ||
        !valid_utf8(view(one.filter)) || one.filter.size == 0)
      return fail(KEEL_E_INVAL,
                  "session.subscribe: a filter is empty or not UTF-8, or an option is "
                  "out of its range");
    filters.push_back({view(one.filter), one.qos, one.no_local != 0, one.retain_as_published != 0,
                       one.retain_handling});
  }
  return answer(session->order([&](SessionClient& client, OutBuffer& out) {
    return client.subscribe(out, filters, token);
  }),
                "session.subscribe");
}

keel_status session_unsubscribe(const keel_host* host, keel_handle handle, const keel_str* given,
                                std::uint32_t n, std::uint64_t token) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.unsubscribe", status);
  if (!session) return status;
  if (n == 0 || n > kMostFilters || !given)
    return fail(KEEL_E_INVAL, "session.unsubscribe: 1 to 1000 filters at once");
  std::vector<Bytes> filters;
  for (std::uint32_t i = 0; i < n; ++i) {
    filters.push_back(view(given[i]));
    if (filters.back().empty() || filters.back().size() > kLongestSessionField ||
        !valid_utf8(filters.back()))
      return fail(KEEL_E_INVAL, "session.unsubscribe: a filter is empty or not UTF-8");
  }
  return answer(session->order([&](SessionClient& client, OutBuffer& out) {
    return client.unsubscribe(out, filters, token);
  }),
                "session.unsubscribe");
}

keel_status session_received(const keel_host* host, keel_handle handle, std::uint32_t id) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.received", status);
  if (!session) return status;
  if (!session->order(
          [id](SessionClient& client, OutBuffer& out) { return client.received(out, id); }))
    return fail(KEEL_E_NOENT, "session.received: no QoS 2 delivery of this id is under way");
  return KEEL_OK;
}

keel_status session_ack(const keel_host* host, keel_handle handle, std::uint32_t id,
                        std::uint8_t reason) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.ack", status);
  if (!session) return status;
  if (reason != 0 && reason < 0x80)
    return fail(KEEL_E_INVAL, "session.ack: the reason is 0 or an error from 0x80 on");
  if (!session->order([&](SessionClient& client, OutBuffer& out) {
        return client.ack(out, id, static_cast<Reason>(reason));
      }))
    return fail(KEEL_E_NOENT, "session.ack: no delivery of this id is under way");
  return KEEL_OK;
}

keel_status session_set_will(const keel_host* host, keel_handle handle, const keel_will* given,
                             std::uint64_t token) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.set_will", status);
  if (!session) return status;
  if (!given) {
    session->clear_will(token);
    return KEEL_OK;
  }
  WillView will;
  if ((status = read_will(given, will))) return status;
  session->set_will(will, token);
  return KEEL_OK;
}

keel_status session_suspend(const keel_host* host, keel_handle handle, std::uint32_t queue_limit) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.suspend", status);
  if (session) session->suspend(queue_limit);
  return status;
}

keel_status session_resume(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.resume", status);
  if (session) session->resume();
  return status;
}

keel_status session_poll(const keel_host* host, keel_handle handle) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.poll", status);
  if (session && !session->poll())
    return fail(KEEL_E_STATE, "session.poll: the session is not suspended");
  return status;
}

keel_status session_inspect(const keel_host* host, keel_handle handle, keel_session_stats_fn fn,
                            void* ctx) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.inspect", status);
  if (!session) return status;
  if (!fn) return fail(KEEL_E_INVAL, "session.inspect: no function given");
  if ((status = session->slot().begin_walk("session.inspect"))) return status;
  session->inspect(fn, ctx);
  return KEEL_OK;
}

keel_status session_close(const keel_host* host, keel_handle handle, std::uint8_t reason) {
  keel_status status = KEEL_OK;
  PluginSession* const session = find_session(host, handle, "session.close", status);
  if (!session) return status;
  session->leave(reason);
  return KEEL_OK;
}

keel_status session_attach(const keel_host* host, keel_handle handle,
                           const keel_session_callbacks* fns, void* ctx) {
  Slot& slot = Slot::of(host);
  keel_session_callbacks callbacks{};
  keel_status status = KEEL_OK;
  if ((status = read_callbacks(fns, callbacks))) return status;
  HostObject* const object =
      find_parked(slot, handle, ObjectKind::session, "session.attach", status);
  if (!object) return status;
  static_cast<PluginSession*>(object)->rebind(*slot.session_callbacks.keep(callbacks), ctx);
  adopt_parked(slot, *object);
  return KEEL_OK;
}

}  // namespace

const keel_ext_session tables::session = {.size = sizeof(keel_ext_session),
                                          .reserved = 0,
                                          .open = session_open,
                                          .publish = session_publish,
                                          .subscribe = session_subscribe,
                                          .unsubscribe = session_unsubscribe,
                                          .received = session_received,
                                          .ack = session_ack,
                                          .set_will = session_set_will,
                                          .suspend = session_suspend,
                                          .resume = session_resume,
                                          .close = session_close,
                                          .attach = session_attach,
                                          .poll = session_poll,
                                          .inspect = session_inspect};

}  // namespace keel::kernel
