// ShardRoom: what goes to other shards and comes from them.
#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {

void ShardRoom::forward(Letter::Kind kind, const Arrival& arrival, std::uint32_t to) {
  Letter letter{.kind = kind, .via = arrival.via, .serial = arrival.serial, .peer = arrival.peer};
  if (kind != Letter::Kind::datagram) letter.proof = keel::copy_proof(arrival.verified);
  post(to, std::move(letter), arrival.bytes);
}

// False: too much waits there already.
bool ShardRoom::post(std::uint32_t to, Letter letter, std::string_view bytes) {
  const bool urgent = letter.kind == Letter::Kind::gone || letter.kind == Letter::Kind::elsewhere;
  const Letters::Put put = common.rooms[to]->inboxes_[index]->put(std::move(letter), bytes, urgent);
  if (put == Letters::Put::first) {
    // Where that is not possible, the other shard looks by itself soon.
    common.host.shards()
        .post(to, [room = common.rooms[to].get(), from = index] { room->open_mail(from); })
        .ignore();
  }
  if (put == Letters::Put::full) ++counters.forward_dropped;
  return put != Letters::Put::full;
}

void ShardRoom::open_mail(std::uint32_t from) {
  inboxes_[from]->take().each(
      [&](Letter& letter, std::string_view bytes) { handle(letter, bytes, from); });
}

void ShardRoom::handle(Letter& letter, std::string_view bytes, std::uint32_t from) {
  switch (letter.kind) {
    case Letter::Kind::datagram:
    case Letter::Kind::registers:
    case Letter::Kind::located:
      return came_home(letter, bytes, from);
    case Letter::Kind::elsewhere:
      if (Party* const party = at(letter.peer)) part(*party);
      return;
    case Letter::Kind::gone:
      return drop_route(letter.peer, letter.serial);
    case Letter::Kind::route:
      return take_route(letter, bytes, from);
    case Letter::Kind::send:
      if (!common.host.udp().send(letter.peer.listener->id(), letter.peer.address, bytes)) {
        ++counters.send_failed;
      }
      return;
    case Letter::Kind::absent:
      letter.command.view([&](const keel::Message& message) { look_for(bytes, message); }).ignore();
      return;
    case Letter::Kind::say:
      return stand_in_.say(bytes.substr(0, letter.topic_size), bytes.substr(letter.topic_size));
  }
}

// A datagram whose sender's home is here, or so it says.
void ShardRoom::came_home(Letter& letter, std::string_view bytes, std::uint32_t from) {
  if (leaving_) return;
  const keel_verified proved = letter.proof ? letter.proof->c() : keel_verified{};
  Arrival arrival{letter.peer, letter.via, letter.serial,
                  keel::Verified(letter.proof ? &proved : nullptr), bytes};
  if (letter.kind == Letter::Kind::datagram) {
    if (Party* const party = at(arrival.peer)) {
      party->place.via = arrival.via;
      party->place.serial = arrival.serial;
      return party->on_datagram(bytes);
    }
    post(arrival.via, {.kind = Letter::Kind::gone, .serial = arrival.serial, .peer = arrival.peer});
    return stranger(arrival);
  }
  coap::Message message;
  if (coap::parse(bytes, message) != coap::Parsed::ok) return;
  const Asked asked = asked_for(message);
  if (letter.kind == Letter::Kind::registers) return welcome(arrival, message, asked.name);
  located(arrival, message, asked.name, from != arrival.via);
}

// The home shard has accepted that a device is here now. Its message goes there again.
void ShardRoom::take_route(Letter& letter, std::string_view bytes, std::uint32_t from) {
  if (Party* const party = at(letter.peer)) part(*party);
  const std::uint32_t serial = make_route(letter.peer, from, std::move(letter.proof));
  post(from, {.kind = Letter::Kind::datagram, .via = index, .serial = serial, .peer = letter.peer},
       bytes);
}

// Ends the one that leads to another device.
std::uint32_t ShardRoom::make_route(const Peer& peer, std::uint32_t home, keel::ProofPtr proof) {
  Route& route = routes_[peer];
  if (route.serial != 0 && route.home != home) {
    post(route.home, {.kind = Letter::Kind::elsewhere, .peer = peer});
  }
  route.home = home;
  route.serial = ++last_serial_;
  route.proof = std::move(proof);
  return route.serial;
}

void ShardRoom::drop_route(const Peer& peer, std::uint32_t serial) {
  const auto found = routes_.find(peer);
  if (found != routes_.end() && found->second.serial == serial) routes_.erase(found);
}

void ShardRoom::transmit(const Place& to, std::string_view datagram) {
  if (to.via != index && to.peer.listener->sticky()) {
    post(to.via, {.kind = Letter::Kind::send, .peer = to.peer}, datagram);
  } else if (!common.host.udp().send(to.peer.listener->id(), to.peer.address, datagram)) {
    ++counters.send_failed;
  }
}

void ShardRoom::say(std::string_view topic, std::string_view payload) {
  if (common.stand_in_home == index) return stand_in_.say(topic, payload);
  post(common.stand_in_home, {.kind = Letter::Kind::say, .topic_size = topic.size()},
       keel::concat(topic, payload));
}

void ShardRoom::inquire(std::string_view endpoint, const keel::Message& command) {
  const std::uint32_t home = common.host.shards().home(endpoint);
  if (home == index) return look_for(endpoint, command);
  auto shared = command.share();
  if (!shared) return;
  Letter letter{.kind = Letter::Kind::absent};
  letter.command = std::move(*shared);
  post(home, std::move(letter), endpoint);
}

}  // namespace lwm2m
