#include "kernel/plugin/plugin_session.hpp"

#include <vector>

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/message_properties.hpp"

namespace keel::kernel {

PluginSession::PluginSession(Slot& slot, std::uint32_t shard,
                             const keel_session_callbacks& callbacks, void* ctx,
                             std::string client_id)
    : HostObject(slot, ObjectKind::session, shard),
      callbacks_(&callbacks),
      ctx_(ctx),
      client_id_(std::move(client_id)),
      number_(slot.runtime().gateways().next_session()) {}

PluginSession::Rare& PluginSession::rare() {
  if (!rare_) rare_ = std::make_unique<Rare>();
  return *rare_;
}

Result<void> PluginSession::open(HostThread& thread, PeerInfo peer, const ConnectView& connect) {
  peer.gateway_session = number_;
  auto end = thread.open_stream(std::move(peer), *this);
  if (!end) return Error{end.error()};
  end_ = std::move(*end);
  OutBuffer out;
  SessionClient::connect(out, connect);
  send(out);
  return {};
}

void PluginSession::begin() {
  parked_ = false;
  if (rare_ && !rare_->held.empty()) {
    const std::string held = std::exchange(rare_->held, {});
    take(held);
  }
  if (closed_) return finish();
  if (end_) end_->resume();
}

void PluginSession::revoke() {
  stop_ = true;
  if (end_) {
    OutBuffer out;
    SessionClient::disconnect(out, Reason::disconnect_with_will);
    send(out);
    end_->close(CloseCause::local, "plugin_unloaded");
    end_.reset();
  }
  reason_ = Reason::server_shutting_down;
  rare().word = "plugin_unloaded";
  if (!refused_) tell_closed();
}

bool PluginSession::park() {
  parked_ = true;
  if (end_) end_->pause();
  return true;
}

void PluginSession::send(OutBuffer& out) {
  iovec pieces[16];
  while (end_ && !out.empty()) {
    const int n = out.gather(pieces, 16);
    std::size_t sent = 0;
    for (int i = 0; i < n; ++i) {
      const StreamEnd::Fed fed =
          end_->feed({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len},
                     StreamEnd::When::this_turn);
      if (!fed.taken) return break_off();
      backed_up_ = fed.waiting > StreamEnd::kEnough;
      sent += pieces[i].iov_len;
    }
    out.consume(sent);
  }
}

// The broker does not take acknowledgements: it is over, and so is this connection.
void PluginSession::break_off() {
  if (!end_) return;
  end_->close(CloseCause::slow, "gateway_overrun");
  end_.reset();
  stop_ = true;
  reason_ = Reason::quota_exceeded;
  rare().word = "overrun";
  Slot& owner = slot();
  HostThread& home = owner.runtime().thread(thread());
  home.post([&owner, self = handle()] {
    if (auto* object = owner.runtime().handles().find(self, ObjectKind::session))
      static_cast<PluginSession*>(object)->finish();
  });
}

void PluginSession::leave(std::uint8_t reason) {
  closing_ = true;
  reason_ = static_cast<Reason>(reason);
  rare().word = "closed";
  OutBuffer out;
  SessionClient::disconnect(out, reason == 0 ? Reason::success : Reason::disconnect_with_will);
  send(out);
}

void PluginSession::on_output(const iovec* pieces, int count) {
  const bool behind = rare_ && !rare_->held.empty();
  if (count == 1 && !behind)
    return take({static_cast<const char*>(pieces->iov_base), pieces->iov_len});
  std::string joined = behind ? std::exchange(rare_->held, {}) : std::string();
  for (int i = 0; i < count; ++i)
    joined.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  take(joined);
}

void PluginSession::take(Bytes bytes) {
  if (parked_) {
    rare().held += bytes;
    return;
  }
  slot().bytes_out.fetch_add(bytes.size(), std::memory_order_relaxed);
  OutBuffer out;
  const std::size_t taken = client_.on_data(out, bytes, *this, stop_);
  if (stop_) return;
  if (taken < bytes.size()) rare().held += bytes.substr(taken);
  send(out);
  if (client_.broken()) break_off();
}

void PluginSession::on_connack(const ConnackView& connack) {
  opened_ = !is_error(connack.reason);
  if (!opened_) {
    refused_ = true;
    reason_ = connack.reason;
  }
  if (!callbacks_->opened) return;
  call_plugin(slot(), CallSite::session, [&] {
    callbacks_->opened(ctx_, handle(), code(connack.reason), connack.session_present ? 1 : 0);
  });
}

void PluginSession::on_deliveries(std::span<const Delivery> deliveries) {
  keel_delivery shown[SessionClient::kBatch];
  std::vector<keel_property> props;
  std::size_t first[SessionClient::kBatch + 1];
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    first[i] = props.size();
    read_properties(deliveries[i].publish.properties, props);
  }
  first[deliveries.size()] = props.size();
  const std::int64_t now = slot().runtime().thread(thread()).shard().now_ms();
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const PublishView& publish = deliveries[i].publish;
    keel_delivery& out = shown[i];
    out = {};
    out.size = sizeof out;
    out.id = deliveries[i].id;
    out.message.size = sizeof out.message;
    out.message.qos = publish.qos;
    out.message.retain = publish.retain ? 1 : 0;
    out.message.dup = publish.dup ? 1 : 0;
    out.message.topic = str(publish.topic);
    out.message.payload = str(publish.payload);
    out.message.props = props.data() + first[i];
    out.message.props_n = static_cast<std::uint32_t>(first[i + 1] - first[i]);
    out.message.expiry_s = publish.expiry_s;
    out.message.received_ms = now;
  }
  call_plugin(slot(), CallSite::session, [&] {
    callbacks_->deliver(ctx_, handle(), shown, static_cast<std::uint32_t>(deliveries.size()));
  });
}

void PluginSession::on_suback(std::uint64_t token, Bytes codes) {
  if (!callbacks_->suback) return;
  call_plugin(slot(), CallSite::session, [&] {
    callbacks_->suback(ctx_, handle(), token, reinterpret_cast<const std::uint8_t*>(codes.data()),
                       static_cast<std::uint32_t>(codes.size()));
  });
}

void PluginSession::on_published(std::uint64_t token, Reason reason) {
  if (!callbacks_->published) return;
  call_plugin(slot(), CallSite::session,
              [&] { callbacks_->published(ctx_, handle(), token, code(reason)); });
}

void PluginSession::on_pingresp() {
  if (polls_ == 0) return;
  --polls_;
  if (ended_ != 0) {
    --ended_;
    return;
  }
  if (!callbacks_->polled) return;
  call_plugin(slot(), CallSite::session, [&] { callbacks_->polled(ctx_, handle()); });
}

void PluginSession::on_disconnect(Reason reason) {
  reason_ = reason;
  rare().word = "disconnected";
}

void PluginSession::on_closed(CloseCause, std::string_view detail) {
  end_.reset();
  if (rare().word.empty()) rare().word = detail;
  if (parked_)
    closed_ = true;
  else
    finish();
}

void PluginSession::tell_closed() {
  if (!callbacks_->closed) return;
  call_plugin(slot(), CallSite::session,
              [&] { callbacks_->closed(ctx_, handle(), code(reason_), str(rare().word)); });
}

void PluginSession::finish() {
  stop_ = true;
  if (!refused_) tell_closed();
  slot().drop(*this);
}

}  // namespace keel::kernel
