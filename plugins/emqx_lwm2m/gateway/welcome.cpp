// ShardRoom: who registers, and is let in.
#include <algorithm>
#include <keel/utf8.hpp>

#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {
namespace {

constexpr std::size_t kMaxEndpoint = 256;
constexpr std::size_t kLocationSize = 10;

}  // namespace

// On the shard of arrival: finds out whose Register it is, and lets go of whom the peer was before.
void ShardRoom::registers(Arrival& arrival, const coap::Message& message,
                          std::string_view endpoint) {
  if (endpoint.size() > kMaxEndpoint || !keel::is_utf8(endpoint)) {
    return answer(arrival, message, coap::kBadRequest);
  }
  const std::uint32_t home = common.host.shards().home(endpoint);
  if (home == index) return welcome(arrival, message, endpoint);
  if (Party* const known = at(arrival.peer)) part(*known);
  const auto route = routes_.find(arrival.peer);
  if (route == routes_.end() && routes_.size() >= settings_->max_devices) {
    return turn_away(arrival, message);
  }
  arrival.serial = make_route(arrival.peer, home, keel::copy_proof(arrival.verified));
  forward(Letter::Kind::registers, arrival, home);
}

// On the home shard.
void ShardRoom::welcome(Arrival& arrival, const coap::Message& message, std::string_view endpoint) {
  if (endpoint.empty()) endpoint = proven_name(arrival.verified);
  Party* known = at(arrival.peer);
  if (known) {
    const Resident* const resident = known->resident();
    const bool other = resident && resident->endpoint() != endpoint;
    if (other || !keel::same_identity(known->proof.get(), arrival.verified)) {
      part(*known);
      known = nullptr;
    }
  }
  if (!known) {
    if (!has_room_for_newcomer(arrival.peer.address)) {
      complain("the share of lwm2m.max_devices that may be registering at a time");
      if (arrival.via != index) {
        post(arrival.via,
             {.kind = Letter::Kind::gone, .serial = arrival.serial, .peer = arrival.peer});
      }
      return turn_away(arrival, message);
    }
    auto made = std::make_unique<Newcomer>(*this);
    known = made.get();
    made->crowd = peers_.hash_function().of.host(arrival.peer.address);
    ++crowd_[made->crowd];
    common.newcomers.fetch_add(1, std::memory_order_relaxed);
    newcomers_.emplace(made.get(), std::move(made));
    known->proof = keel::copy_proof(arrival.verified);
  }
  link(*known, arrival);
  known->on_datagram(arrival.bytes);
}

// A small part of what devices there may be, and of that a part for each address.
bool ShardRoom::has_room_for_newcomer(const keel::Address& from) {
  constexpr std::size_t kLeast = 64;
  const std::size_t most =
      std::max(kLeast, std::size_t{settings_->max_devices} / 100 / common.rooms.size());
  if (newcomers_.size() >= most) return false;
  const auto crowd = crowd_.find(peers_.hash_function().of.host(from));
  return crowd == crowd_.end() || crowd->second < std::max(kLeast, most / 4);
}

void ShardRoom::turn_away(const Arrival& arrival, const coap::Message& message) {
  ++counters.turned_away;
  answer(arrival, message, coap::kUnavailable);
}

bool ShardRoom::take_place() {
  if (!within_rate()) {
    complain("lwm2m.max_register_rate");
    return false;
  }
  if (common.places.fetch_add(1, std::memory_order_relaxed) < settings_->max_devices) return true;
  give_place_back();
  complain("lwm2m.max_devices");
  return false;
}

void ShardRoom::add_place() { common.places.fetch_add(1, std::memory_order_relaxed); }
void ShardRoom::give_place_back() { common.places.fetch_sub(1, std::memory_order_relaxed); }

bool ShardRoom::within_rate() {
  if (settings_->register_rate == 0) return true;
  const std::int64_t second = now_ms() / 1000;
  if (second != register_second_) {
    register_second_ = second;
    registers_ = 0;
  }
  return registers_++ < settings_->register_rate;
}

// Once a minute at most.
void ShardRoom::complain(const char* limit) {
  if (now_ms() < quiet_until_ms_) return;
  quiet_until_ms_ = now_ms() + 60'000;
  common.host.log().warning("registrations are refused for now: ", limit, " is reached");
}

void ShardRoom::opening(const std::string& endpoint, bool begins) {
  if (begins) {
    ++opening_[endpoint];
    return;
  }
  const auto found = opening_.find(endpoint);
  if (found == opening_.end()) return;
  if (--found->second != 0) return;
  opening_.erase(found);
  Resident* const resident = find(endpoint);
  if (resident && resident->is_orphan()) expel(*resident, 0);
}

void ShardRoom::let_in(Newcomer& newcomer) {
  const std::string endpoint = newcomer.endpoint();
  const std::string location = draw_location();
  newcomer.welcome(location);
  Newcomer::Luggage luggage = newcomer.luggage();
  peers_.erase(&newcomer);
  const Place place = std::exchange(newcomer.place, {});
  keel::ProofPtr proof = std::move(newcomer.proof);
  dismiss(newcomer);
  Resident* resident = find(endpoint);
  if (resident) {
    ++counters.replaced;
    unlink(*resident);
    resident->place = place;
    resident->proof = std::move(proof);
    resident->join(std::move(luggage.membership));
    resident->registered_again(std::move(luggage.registration), location, std::move(luggage.peer));
    if (luggage.has_place) give_place_back();
  } else {
    if (!luggage.has_place) add_place();
    auto made = std::make_unique<Resident>(*this, place, std::move(proof),
                                           std::move(luggage.membership), std::move(luggage.peer),
                                           std::move(luggage.registration), location);
    resident = &settle_down(std::move(made));
  }
  peers_.insert(resident);
  opening(endpoint, false);
  mark(*resident);
  settle(*resident);
}

void ShardRoom::dismiss(Newcomer& newcomer) {
  unlink(newcomer);
  const auto crowd = crowd_.find(newcomer.crowd);
  if (crowd != crowd_.end() && --crowd->second == 0) crowd_.erase(crowd);
  common.newcomers.fetch_sub(1, std::memory_order_relaxed);
  newcomers_.erase(&newcomer);
}

// So that an Update finds its way without asking anybody.
std::string ShardRoom::draw_location() {
  static constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (;;) {
    std::string out;
    while (out.size() < kLocationSize) {
      std::uint32_t word = random();
      for (int i = 0; i < 5 && out.size() < kLocationSize; ++i, word >>= 6) {
        out += kLetters[word & 63];
      }
    }
    if (common.host.shards().home(out) == index && !locations_.contains(out)) return out;
  }
}

void ShardRoom::name(Resident& resident) {
  const std::string& location = resident.device().location();
  locations_.insert_or_assign(location, &resident);
  const std::uint32_t home = common.host.shards().home(location);
  if (home == index) return;
  common.host.shards()
      .post(home, [room = common.rooms[home].get(), location,
                   to = index] { room->far_locations_.insert_or_assign(location, to); })
      .ignore();
}

void ShardRoom::unname(Resident& resident) {
  const std::string& location = resident.device().location();
  locations_.erase(location);
  const std::uint32_t home = common.host.shards().home(location);
  if (home == index) return;
  common.host.shards()
      .post(home,
            [room = common.rooms[home].get(), location] { room->far_locations_.erase(location); })
      .ignore();
}

}  // namespace lwm2m
