#include "emqx_lwm2m/gateway/membership.hpp"

#include <vector>

#include "emqx_lwm2m/device/topics.hpp"
#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {
namespace {

constexpr std::uint8_t kUnspecified = 0x80, kQuotaExceeded = 0x97;
constexpr std::uint8_t kNoRetained = 2;

// Another version is about to take over, or all ends. Nobody is refused for that: what is asked
// again comes to the next one.
bool is_ending(const keel::Status& asked) { return asked.code() == KEEL_E_STATE; }

}  // namespace

// [MQTT5 2.4]
bool is_passing(std::uint8_t reason) {
  switch (reason) {
    case 0x80:  // unspecified
    case 0x83:  // implementation specific
    case 0x88:  // server unavailable
    case 0x89:  // server busy
    case 0x8b:  // server shutting down
    case 0x8e:  // taken over: it has come from another address at the same time
    case 0x97:  // quota exceeded
    case 0x9f:  // connection rate exceeded
      return true;
    default:
      return false;
  }
}

Membership::Membership(ShardRoom& room, keel_handle saved, Owner& owner)
    : room_(room), owner_(&owner) {
  if (saved == 0) return;
  if (room.common.host.sessions().attach(saved, *this).into(session_)) state_ = State::admitted;
}

std::uint8_t Membership::open(Owner& owner, std::string_view endpoint, const Party& party,
                              bool clean) {
  const GatewaySettings& settings = *room_.settings();
  const Listener* const listener = party.place.peer.listener;
  const keel_verified proved = party.proof ? party.proof->c() : keel_verified{};
  keel::SessionRequest request{
      .client_id = endpoint,
      .clean = clean,
      .peer = party.place.peer.address,
      .protocol = "lwm2m",
      .listener_name = listener ? std::string_view(listener->title()) : "emqx_lwm2m",
      .loopback_only = settings.allow_anonymous.value_or(
          listener ? listener->loopback()
                   : room_.common.loopback_only.load(std::memory_order_relaxed)),
      .verified = keel::Verified(party.proof ? &proved : nullptr)};
  if (!is_bound(party.proof.get())) {  // else the broker knows who it is
    request.username = settings.username;
    request.password = settings.password;
  }
  owner_ = &owner;
  const keel::Status asked = room_.common.host.sessions().open(request, *this).into(session_);
  if (!asked && !is_ending(asked)) {
    return asked.code() == KEEL_E_LIMIT ? kQuotaExceeded : kUnspecified;
  }
  endpoint_ = endpoint;
  state_ = State::opening;
  return 0;
}

void Membership::opened(std::uint8_t reason, bool) {
  if (reason == 0) {
    state_ = State::subscribing;
    const keel::Status asked = subscribe(endpoint_);
    if (asked || is_ending(asked)) return;
    reason = kQuotaExceeded;
  }
  state_ = State::idle;
  owner_->refused(reason);
}

// One for each template of commands; what is retained there is not for devices.
keel::Status Membership::subscribe(std::string_view endpoint) const {
  const std::string level = topic_level(endpoint);
  const TopicNames names{level, {}};
  const TopicSettings& topics = room_.settings()->topics;
  const std::string filters[] = {expand(topics.command, names), expand(topics.v3_command, names)};
  std::vector<keel_subscription> wanted;
  for (const std::string& filter : filters) {
    if (filter.empty()) continue;
    keel_subscription one{};
    one.size = sizeof one;
    one.qos = 2;
    one.no_local = 1;
    one.retain_as_published = 1;
    one.retain_handling = kNoRetained;
    one.filter = keel::to_c(filter);
    wanted.push_back(one);
  }
  return session_.subscribe(wanted, 0);
}

void Membership::subscribe_again(const TopicSettings& before, std::string_view endpoint) const {
  const std::string level = topic_level(endpoint);
  for (const std::string& whole : {before.command, before.v3_command}) {
    const std::string filter = expand(whole, {level, {}});
    if (!filter.empty()) session_.unsubscribe(filter).ignore();
  }
  if (!subscribe(endpoint)) {
    room_.common.host.log().warning("endpoint=", endpoint,
                                    " could not subscribe to its commands anew");
  }
}

void Membership::suback(std::uint64_t, std::span<const std::uint8_t> codes) {
  if (state_ != State::subscribing) return;
  for (const std::uint8_t code : codes) {
    if (code < 0x80) continue;
    room_.common.host.log().warning("client=", endpoint_,
                                    " may not subscribe to its commands (reason ", code,
                                    "): it gets none of them");
    break;
  }
  admit();
}

void Membership::admit() {
  endpoint_ = {};
  state_ = State::admitted;
  owner_->admitted();
}

// What comes at once shows that the subscription is there.
void Membership::deliver(const keel::Delivery& delivery) {
  if (state_ == State::subscribing) admit();
  owner_->delivered(delivery);
}

void Membership::session_closed(std::uint8_t reason, std::string_view) {
  const State before = std::exchange(state_, State::idle);
  if (before == State::admitted) return owner_->ended(reason);
  owner_->refused(reason == 0 ? kUnspecified : reason);
}

}  // namespace lwm2m
