#include "emqx_sn/device.hpp"

#include "emqx_sn/saved_device.hpp"
#include "emqx_sn/shard_room.hpp"

namespace sn {
namespace {

constexpr std::uint8_t kUnspecified = 0x80, kImplementation = 0x83, kNotAuthorized = 0x87,
                       kUnavailable = 0x88, kBusy = 0x89, kShuttingDown = 0x8b,
                       kQuotaExceeded = 0x97, kRateTooHigh = 0x9f;
constexpr std::int64_t kKnockAgainMs = 5'000;

// A refusal that says nothing about the client.
bool is_passing(std::uint8_t reason) {
  return reason == kUnspecified || reason == kImplementation || reason == kUnavailable ||
         reason == kBusy || reason == kShuttingDown || reason == kQuotaExceeded ||
         reason == kRateTooHigh;
}

keel::Session attach(const ShardRoom& room, keel_handle saved, keel::SessionHandler& to) {
  keel::Session out;
  if (saved != 0) room.common.host.sessions().attach(saved, to).into(out).ignore();
  return out;
}

keel::Will will_of(const WillView& will) {
  return {.topic = will.topic, .payload = will.payload, .qos = will.qos, .retain = will.retain};
}

// The user name that DTLS proved, where the listener wants that. A key's identity the broker takes
// itself; a common name is given, see Proven. False: the peer has proved another thing.
bool name_by_proof(keel::SessionRequest& request, const Listener* listener,
                   const keel::Proof* proof) {
  if (!listener || !listener->dtls()) return true;
  const Identity which = listener->settings().dtls->identity;
  if (which == Identity::none) return true;
  const std::string* const name = !proof                   ? nullptr
                                  : which == Identity::psk ? &proof->psk_identity
                                                           : &proof->cn;
  if (!name || name->empty()) return false;
  request.username.reset();
  request.password.reset();
  if (which == Identity::cn) request.username = *name;
  return true;
}

}  // namespace

Device::Device(ShardRoom& room, std::string client_id)
    : room_(room), client_(*this, room.settings()->clients, room.counters, std::move(client_id)) {}

Device::Device(ShardRoom& room, const SavedDevice& saved, Peer origin)
    : proof(saved.proof ? std::make_unique<keel::Proof>(*saved.proof) : nullptr),
      generated(saved.generated),
      room_(room),
      return_(saved.session == 0 && saved.client.at.link == Link::open
                  ? std::make_unique<Return>(Return{std::move(origin), 0, {}})
                  : nullptr),
      session_(attach(room, saved.session, *this)),
      refused_(saved.refused),
      ended_(saved.session != 0 && !session_),
      client_(*this, room.settings()->clients, room.counters, saved.client) {
  if (refused_ != 0 || ended_) room_.remind(id());
}

void Device::on_packet(const Packet& packet, std::string_view octets) {
  if (return_) {
    if (return_->packet.empty()) return_->packet = octets;  // the others will come again
    return knock();
  }
  client_.on_packet(packet);
  room_.settle(*this);
}

void Device::end(std::uint8_t reason) {
  give_up_return();
  client_.end(reason);
  room_.settle(*this);
}

void Device::displace() {
  give_up_return();
  client_.displace();
  room_.settle(*this);
}

void Device::on_time() {
  if (return_) return knock();
  client_.on_time();
  room_.settle(*this);
}

void Device::remind() {
  if (const std::uint8_t reason = std::exchange(refused_, std::uint8_t{0})) {
    if (return_) return came_back(reason, false);
    client_.on_opened(reason, false);
  } else if (std::exchange(ended_, false)) {
    client_.on_closed(kUnspecified);
  }
  room_.settle(*this);
}

// ---- after a restart of the broker ----

void Device::knock() {
  if (session_ || refused_ != 0) return;  // it has been asked for
  const Will* const last = client_.will();
  if (!last || last->topic.empty()) return open(false, client_.keep_alive_s(), nullptr);
  const std::string topic = room_.settings()->clients->mountpoint + last->topic;
  const WillView will{topic, last->payload, last->qos, last->retain};
  open(false, client_.keep_alive_s(), &will);
}

// Where the broker has no such session any more, the client has to begin anew: it may believe in
// subscriptions that nobody knows of.
void Device::came_back(std::uint8_t reason, bool present) {
  if (reason != 0 && is_passing(reason)) {
    session_ = {};
    return room_.wheel.wake_at(*this, now_ms() + kKnockAgainMs);
  }
  const std::string packet = end_return();
  if (reason != 0 || !present) {
    session_ = {};
    client_.on_closed(reason);
    return room_.settle(*this);
  }
  ++room_.counters.returned;
  if (asleep()) suspend();
  Packet first;
  if (!packet.empty() && decode(packet, first)) client_.on_packet(first);
  room_.settle(*this);
}

// From now on its machine moves. The packet that came meanwhile.
std::string Device::end_return() {
  const std::unique_ptr<Return> before = std::move(return_);
  if (!before) return {};
  room_.wheel.wake_at(*this, before->wake_ms);
  return std::move(before->packet);
}

// What waits for the end of the session learns of it at the next turn.
void Device::give_up_return() {
  if (!return_) return;
  end_return();
  session_ = {};
  refused_ = 0;
  ended_ = true;
  room_.remind(id());
}

// ---- orders of the machine ----

std::int64_t Device::now_ms() const { return room_.now_ms(); }

void Device::send(const Head& head, std::string_view data) {
  if (link.peer) room_.transmit(link.peer.view(), link.via, head, data);
}

void Device::wake_at(std::int64_t when_ms) {
  if (return_) {
    return_->wake_ms = when_ms;
  } else {
    room_.wheel.wake_at(*this, when_ms);
  }
}

void Device::open(bool clean, std::uint16_t keep_alive_s, const WillView* will) {
  const GatewaySettings& settings = *room_.settings();
  const Peer& from = return_ && !link.peer ? return_->origin : link.peer;
  const Listener* const listener = from.listener;
  const keel_verified proved = proof ? proof->c() : keel_verified{};
  const keel::Will last = will ? will_of(*will) : keel::Will();
  keel::SessionRequest request{
      .client_id = id(),
      .username = settings.username,
      .password = settings.password,
      .clean = clean,
      .expiry_s = clean ? 0 : settings.clients->session_expiry_s,
      .keep_alive_s = keep_alive_s,
      .receive_maximum = settings.clients->max_inflight,
      .will = will ? &last : nullptr,
      .peer = from.address,
      .protocol = "mqtt-sn",
      .listener_name = listener ? std::string_view(listener->title()) : "emqx_sn",
      .loopback_only = settings.allow_anonymous.value_or(listener && listener->loopback()),
      .verified = keel::Verified(proof ? &proved : nullptr)};
  if (!name_by_proof(request, listener, proof.get())) return not_opened(kNotAuthorized);
  const keel::Status asked = room_.common.host.sessions().open(request, *this).into(session_);
  if (!asked) not_opened(asked.code() == KEEL_E_LIMIT ? kQuotaExceeded : kUnspecified);
}

void Device::not_opened(std::uint8_t reason) {
  refused_ = reason;
  room_.remind(id());
}

bool Device::publish(std::string_view topic, std::string_view payload, std::uint8_t qos,
                     bool retain, std::uint64_t token) {
  return static_cast<bool>(
      session_.publish({.topic = topic, .payload = payload, .qos = qos, .retain = retain}, token));
}

bool Device::subscribe(std::string_view filter, std::uint8_t qos, std::uint64_t token) {
  return static_cast<bool>(session_.subscribe({.filter = filter, .qos = qos}, token));
}

bool Device::unsubscribe(std::string_view filter, std::uint64_t token) {
  return static_cast<bool>(session_.unsubscribe(filter, token));
}

bool Device::set_will(const WillView* will, std::uint64_t token) {
  return static_cast<bool>(will ? session_.set_will(will_of(*will), token)
                                : session_.clear_will(token));
}

// What these are about may be gone meanwhile; then session_closed() is on its way.
void Device::received(std::uint32_t delivery) { session_.received(delivery).ignore(); }
void Device::ack(std::uint32_t delivery, std::uint8_t reason) {
  session_.ack(delivery, reason).ignore();
}
void Device::suspend() { session_.suspend().ignore(); }
void Device::resume() { session_.resume().ignore(); }
void Device::poll() { session_.poll().ignore(); }
void Device::close(std::uint8_t reason) { session_.close(reason).ignore(); }

// ---- the broker's answers ----

void Device::opened(std::uint8_t reason, bool present) {
  if (return_) return came_back(reason, present);
  client_.on_opened(reason, present);
  room_.settle(*this);
}

void Device::deliver(const keel::Delivery& delivery) {
  const keel::Message message = delivery.message();
  client_.on_delivery({.id = delivery.id(),
                       .topic = message.topic(),
                       .payload = message.payload(),
                       .qos = message.qos(),
                       .retain = message.retain(),
                       .dup = message.dup()});
  room_.settle(*this);
}

void Device::suback(std::uint64_t token, std::span<const std::uint8_t> codes) {
  client_.on_suback(token, codes.empty() ? kUnspecified : codes.front());
  room_.settle(*this);
}

void Device::published(std::uint64_t token, std::uint8_t reason) {
  client_.on_published(token, reason);
  room_.settle(*this);
}

void Device::polled() {
  client_.on_polled();
  room_.settle(*this);
}

void Device::session_closed(std::uint8_t reason, std::string_view) {
  if (reason == kShuttingDown && asleep() && room_.leave_asleep(*this)) return;
  end_return();
  client_.on_closed(reason);
  room_.settle(*this);
}

void Device::save(SavedDevice& out) const {
  client_.save(out.client);
  out.session = return_ ? 0 : session_.id();
  out.refused = refused_;
  out.generated = generated;
  if (proof) out.proof = std::make_unique<keel::Proof>(*proof);
  if (!link.peer) return;
  out.listener = link.peer.listener->settings().name;
  out.address = link.peer.address;
  out.wrapped = link.peer.wrapped;
  out.node = link.peer.node;
  out.via = link.anywhere ? SavedDevice::kAnywhere : link.via;
}

}  // namespace sn
