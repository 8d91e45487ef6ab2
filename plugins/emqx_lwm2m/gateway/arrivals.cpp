// ShardRoom: what comes in from sockets, and who it is from.
#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {
namespace {

constexpr std::size_t kMostHeld = 4096, kMostHeldOctets = 4 << 20;

}  // namespace

void ShardRoom::received(const Listener& listener, const keel::Datagram& datagram) {
  if (leaving_) return;
  Arrival arrival{{&listener, datagram.peer()}, index, 0, datagram.verified(), datagram.text()};
  if (!doors_open_) return hold(arrival);
  arrive(arrival);
}

// Until it is known who lives here.
void ShardRoom::hold(const Arrival& arrival) {
  if (held_.size() >= kMostHeld || held_octets_ + arrival.bytes.size() > kMostHeldOctets) {
    ++counters.held_dropped;
    return;
  }
  held_octets_ += arrival.bytes.size();
  held_.push_back({arrival.peer, keel::copy_proof(arrival.verified), std::string(arrival.bytes)});
}

void ShardRoom::open_doors() {
  doors_open_ = true;
  held_octets_ = 0;
  for (const Held& each : std::exchange(held_, {})) {
    const keel_verified proved = each.proof ? each.proof->c() : keel_verified{};
    Arrival arrival{each.peer, index, 0, keel::Verified(each.proof ? &proved : nullptr),
                    each.bytes};
    arrive(arrival);
  }
}

// What is about registrations says itself whose it is; the rest is told by where it comes from.
void ShardRoom::arrive(Arrival& arrival) {
  if (may_concern_registration(arrival.bytes)) {
    coap::Message message;
    const bool whole = coap::parse(arrival.bytes, message) == coap::Parsed::ok;
    if (whole && (message.type == coap::Type::con || message.type == coap::Type::non)) {
      const Asked asked = asked_for(message);
      if (asked.kind != Asked::Kind::nothing) return about_registration(arrival, message, asked);
    }
  }
  if (!greet(arrival)) stranger(arrival);
}

// To whom it is, if that is known here. False: it is not.
bool ShardRoom::greet(Arrival& arrival) {
  if (Party* const party = at(arrival.peer)) {
    if (keel::same_identity(party->proof.get(), arrival.verified)) {
      party->on_datagram(arrival.bytes);
      return true;
    }
    part(*party);
    return false;
  }
  auto route = routes_.find(arrival.peer);
  if (route == routes_.end()) {
    std::uint32_t home;
    if (!common.homecomers->take(arrival.peer, home)) return false;
    if (home == index) return false;
    make_route(arrival.peer, home, keel::copy_proof(arrival.verified));
    route = routes_.find(arrival.peer);
  }
  arrival.serial = route->second.serial;
  if (keel::same_identity(route->second.proof.get(), arrival.verified)) {
    forward(Letter::Kind::datagram, arrival, route->second.home);
    return true;
  }
  post(route->second.home, {.kind = Letter::Kind::elsewhere, .peer = arrival.peer});
  routes_.erase(route);
  return false;
}

void ShardRoom::about_registration(Arrival& arrival, const coap::Message& message,
                                   const Asked& asked) {
  if (asked.kind == Asked::Kind::at_location) {
    const std::uint32_t home = common.host.shards().home(asked.name);
    if (home == index) return located(arrival, message, asked.name, false);
    const auto route = routes_.find(arrival.peer);
    if (route != routes_.end()) arrival.serial = route->second.serial;
    return forward(Letter::Kind::located, arrival, home);
  }
  const std::string_view endpoint = asked.name.empty() ? proven_name(arrival.verified) : asked.name;
  if (endpoint.empty()) return answer(arrival, message, coap::kBadRequest);
  registers(arrival, message, endpoint);
}

// Nobody is known there, and nothing is remembered of it.
void ShardRoom::stranger(Arrival& arrival) {
  ++counters.strangers;
  coap::Message message;
  switch (coap::parse(arrival.bytes, message)) {
    case coap::Parsed::ignore:
      ++coap_counters.malformed;
      return;
    case coap::Parsed::reset:
      ++coap_counters.malformed;
      return reset(arrival, message.id);
    case coap::Parsed::ok:
      break;
  }
  ++coap_counters.received;
  const bool confirmable = message.type == coap::Type::con;
  if (message.is_request() && (confirmable || message.type == coap::Type::non)) {
    const Asked asked = asked_for(message);
    if (asked.code != coap::kBadOption || confirmable) answer(arrival, message, asked.code);
  } else if (confirmable) {
    reset(arrival, message.id);
  }
}

void ShardRoom::answer(const Arrival& arrival, const coap::Message& message, coap::Code code) {
  write_answer(scratch_, message, code, static_cast<std::uint16_t>(random()));
  transmit_answer(arrival);
}

void ShardRoom::reset(const Arrival& arrival, std::uint16_t message_id) {
  coap::write_empty(scratch_, coap::Type::rst, message_id);
  ++coap_counters.resets_sent;
  transmit_answer(arrival);
}

// What is in scratch_. Never more than strangers have sent, as it were: so that nobody can use us
// against others.
void ShardRoom::transmit_answer(const Arrival& arrival) {
  constexpr std::size_t kMostTimes = 3;
  if (scratch_.size() > kMostTimes * arrival.bytes.size()) return;
  if (!answers_.allow(peers_.hash_function().of.host(arrival.peer.address), now_ms())) return;
  ++counters.answered;
  transmit({arrival.peer, arrival.via, arrival.serial}, scratch_);
}

// An Update or deregistration; on the shard of its location, or (`forwarded`) of the device.
void ShardRoom::located(Arrival& arrival, const coap::Message& message, std::string_view location,
                        bool forwarded) {
  if (const auto found = locations_.find(location); found != locations_.end()) {
    return rebind(arrival, message, *found->second);
  }
  const auto far = far_locations_.find(std::string(location));
  if (!forwarded && far != far_locations_.end()) {
    return forward(Letter::Kind::located, arrival, far->second);
  }
  ++counters.strangers;
  ++coap_counters.received;
  const bool left = message.code == coap::kDelete &&
                    farewells_.knows(hash_of(arrival.peer, arrival.bytes), now_ms());
  answer(arrival, message, left ? coap::kDeleted : coap::kNotFound);
}

void ShardRoom::note_farewell(const Peer& peer, std::string_view datagram) {
  farewells_.note(hash_of(peer, datagram), now_ms());
}

std::size_t ShardRoom::hash_of(const Peer& peer, std::string_view datagram) const {
  return keel::SecretHash(peers_.hash_function().of(peer)).add(datagram).value();
}

// Its message; perhaps from where nobody knew it to be.
void ShardRoom::rebind(Arrival& arrival, const coap::Message& message, Resident& resident) {
  if (!keel::same_identity(resident.proof.get(), arrival.verified)) {
    return answer(arrival, message, coap::kNotFound);
  }
  const bool here = arrival.via == index;
  const bool moves = resident.place.peer != arrival.peer;
  const bool routed = !moves && arrival.serial != 0;
  if (moves) {
    if (Party* const other = at(arrival.peer)) part(*other);
    ++counters.moved;
    unlink(resident);
    resident.moved();
    mark(resident);
  }
  if (moves || here || routed) link(resident, arrival);
  if (here || routed) return resident.on_datagram(arrival.bytes);
  // It comes again by the route that its answers, and what else it says, will take.
  Letter letter{.kind = Letter::Kind::route, .peer = arrival.peer};
  letter.proof = keel::copy_proof(arrival.verified);
  post(arrival.via, std::move(letter), arrival.bytes);
}

}  // namespace lwm2m
