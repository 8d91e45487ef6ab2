#include "emqx_lwm2m/gateway/newcomer.hpp"

#include <algorithm>

#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {
namespace {

// How long one stays: until its Register is there, until the broker has answered, and afterwards,
// to tell copies of its Register the same.
constexpr std::int64_t kBeginMs = 10'000, kBrokerMs = 30'000, kLingerMs = 10'000;

}  // namespace

Newcomer::Newcomer(ShardRoom& room)
    : room_(room),
      peer_(std::make_unique<coap::Peer>(*this, room.newcomer_coap(), room.coap_counters)) {
  stay(kBeginMs);
}

Newcomer::~Newcomer() {
  stop_asking();
  if (assembling_) --room_.assembling;
}

void Newcomer::on_datagram(std::string_view datagram) {
  if (!assembling_ && begins_assembly(datagram)) {
    if (room_.assembling >= ShardRoom::kMostAssembling) return;  // it will try again
    assembling_ = true;
    ++room_.assembling;
  }
  if (assembling_ && !membership_) stay(room_.newcomer_coap()->block_timeout_ms);
  peer_->on_datagram(datagram);
}

// The first of several blocks.
bool Newcomer::begins_assembly(std::string_view datagram) {
  coap::Message message;
  if (coap::parse(datagram, message) != coap::Parsed::ok || !message.is_request()) return false;
  coap::OptionReader options(message.options);
  for (coap::Option option; options.next(option);) {
    if (option.number != coap::option::kBlock1) continue;
    const auto block = coap::block_value(option.value);
    return block && block->more;
  }
  return false;
}

void Newcomer::on_time() {
  const std::int64_t now = room_.now_ms();
  if (now >= until_ms_) {
    if (membership_) {
      refuse(coap::kUnavailable);
      return;
    }
    return room_.dismiss(*this);
  }
  if (peer_wake_ms_ != 0 && now >= peer_wake_ms_) {
    peer_wake_ms_ = 0;
    peer_->on_time();
  }
  order_wake();
}

void Newcomer::requested(const coap::Incoming& request) {
  if (request.method == coap::kPost && request.path.size() == 1 && request.path[0] == "rd") {
    return registers(request);
  }
  peer_->reply(request.ticket, reply_of(surface(request.method, request.path)));
}

void Newcomer::registers(const coap::Incoming& request) {
  stop_asking();  // an earlier one of the same peer is void
  ticket_ = request.ticket;
  const keel_verified proved = proof ? proof->c() : keel_verified{};
  const keel::Verified verified(proof ? &proved : nullptr);
  auto parsed = parse_register(request.queries, request.content_format, request.payload,
                               proven_name(verified), room_.settings()->devices->registration);
  if (const auto* const problem = std::get_if<RegistrationProblem>(&parsed)) {
    room_.common.host.log().debug("peer=", place.peer.address,
                                  " cannot register: ", problem->reason);
    return refuse(problem->code);
  }
  registration_ = std::move(std::get<Registration>(parsed));
  std::string why;
  if (!may_be(registration_, why)) {
    room_.common.host.log().notice("endpoint=", registration_.endpoint,
                                   " peer=", place.peer.address, " cannot register: ", why);
    return refuse(coap::kForbidden);
  }
  ask_broker();
}

// Whether the peer may go by this name, as far as DTLS has a say in it.
bool Newcomer::may_be(const Registration& registration, std::string& why) const {
  const Listener& listener = *place.peer.listener;
  const EndpointMatch match =
      listener.dtls() ? listener.settings().dtls->match : EndpointMatch::none;
  if (match != EndpointMatch::none) {
    const std::string_view name = !proof                       ? std::string_view()
                                  : match == EndpointMatch::cn ? proof->cn
                                                               : proof->psk_identity;
    if (name != registration.endpoint) {
      why = "its endpoint name is not what DTLS has proved (lwm2m.dtls.ep_match)";
      return false;
    }
  }
  const Resident* const known = room_.find(registration.endpoint);
  if (!known || !is_bound(known->proof.get())) return true;
  const keel_verified proved = proof ? proof->c() : keel_verified{};
  if (keel::same_identity(known->proof.get(), keel::Verified(proof ? &proved : nullptr))) {
    return true;
  }
  why = "the endpoint is registered under another DTLS identity";
  return false;
}

void Newcomer::ask_broker() {
  const Resident* const known = room_.find(endpoint());
  if (!known && !room_.take_place()) return refuse(coap::kUnavailable);
  has_place_ = !known;
  membership_ = std::make_unique<Membership>(room_);
  room_.opening(endpoint(), true);
  // What has been subscribed to in its name goes on without a gap.
  const bool clean = !known || !known->is_member();
  const std::uint8_t reason = membership_->open(*this, endpoint(), *this, clean);
  if (reason != 0) return refused(reason);
  stay(kBrokerMs);
}

void Newcomer::admitted() { room_.let_in(*this); }

void Newcomer::refused(std::uint8_t reason) {
  room_.common.host.log().info("endpoint=", endpoint(), " peer=", place.peer.address,
                               " is refused by the broker, reason ", reason);
  refuse(is_passing(reason) ? coap::kUnavailable : coap::kForbidden);
}

// A newcomer is a resident before these can be called.
void Newcomer::delivered(const keel::Delivery&) {}
void Newcomer::ended(std::uint8_t) {}

void Newcomer::refuse(coap::Code code) {
  stop_asking();
  ++(code == coap::kUnavailable ? room_.counters.turned_away : room_.counters.refused);
  peer_->reply(ticket_, reply_of(code));
  stay(kLingerMs);
}

void Newcomer::stop_asking() {
  leave_place();
  if (!std::exchange(membership_, nullptr)) return;
  room_.opening(endpoint(), false);
}

void Newcomer::leave_place() {
  if (std::exchange(has_place_, false)) room_.give_place_back();
}

void Newcomer::welcome(std::string_view location) { peer_->reply(ticket_, created(location)); }

Newcomer::Luggage Newcomer::luggage() {
  peer_->use(room_.settings()->devices->coap);
  return {std::move(peer_), std::move(membership_), std::move(registration_),
          std::exchange(has_place_, false)};
}

void Newcomer::stay(std::int64_t ms) {
  until_ms_ = room_.now_ms() + ms;
  order_wake();
}

void Newcomer::order_wake() {
  const std::int64_t when = peer_wake_ms_ == 0 ? until_ms_ : std::min(until_ms_, peer_wake_ms_);
  room_.wheel.wake_at(*this, when);
}

std::int64_t Newcomer::now_ms() const { return room_.now_ms(); }
std::uint32_t Newcomer::random() { return room_.random(); }
void Newcomer::send(std::string_view datagram) { room_.transmit(place, datagram); }

void Newcomer::wake_at(std::int64_t when_ms) {
  peer_wake_ms_ = when_ms;
  order_wake();
}

}  // namespace lwm2m
