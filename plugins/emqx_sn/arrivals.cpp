// ShardRoom: what comes in, from sockets and from other shards.
#include <utility>

#include "emqx_sn/encode.hpp"
#include "emqx_sn/forwarder.hpp"
#include "emqx_sn/packet.hpp"
#include "emqx_sn/predefined.hpp"
#include "emqx_sn/shard_room.hpp"
#include "emqx_sn/topic_text.hpp"

namespace sn {
namespace {

// Puts the topic of a message without a session together; false: it has none.
bool topic_of(const Packet& packet, const ClientSettings& settings, std::string& topic,
              std::string_view& payload) {
  topic = settings.mountpoint;
  payload = packet.text;
  char octets[2];
  std::string_view name;
  if (packet.flags.id_type == IdType::predefined) {
    const std::string* const known =
        settings.predefined ? settings.predefined->name(Nobody::kClientId, packet.topic_id)
                            : nullptr;
    if (known) name = *known;
  } else if (packet.flags.id_type == IdType::short_name) {
    name = short_name(packet.topic_id, octets);
  } else if (packet.flags.id_type == IdType::normal) {
    take_long_name(packet, name, payload);
  }
  if (!is_topic_name(name)) return false;
  topic += name;
  return true;
}

}  // namespace

void ShardRoom::received(const Listener& listener, const keel::Datagram& datagram) {
  if (leaving_) return;
  const keel::Address address = datagram.peer();
  Arrival arrival{
      {&listener, address, false, {}}, index, 0, datagram.verified(), datagram.text(), 0};
  if (settings_->forwarder && is_encapsulated(arrival.message)) {
    Encapsulated outer;
    if (!unwrap(arrival.message, outer)) {
      ++counters.malformed;
      return;
    }
    ++counters.encapsulated_in;
    arrival.peer.wrapped = true;
    arrival.peer.node = outer.node;
    arrival.radius = outer.radius;
    arrival.message = outer.inner;
  }
  Packet packet;
  if (!decode(arrival.message, packet)) {
    ++counters.malformed;
    return;
  }
  ++counters.packets_in[static_cast<std::size_t>(packet.type) % counters.packets_in.size()];
  arrive(arrival, packet);
}

void ShardRoom::arrive(Arrival& arrival, const Packet& packet) {
  if (packet.type == Type::searchgw) answer_search(arrival);
  if (!common.homecomers->empty()) greet_homecomer(arrival.peer);
  if (packet.type == Type::connect) return connect(arrival, packet);
  if (Device* const device = at(arrival.peer)) {
    if (keel::same_identity(device->proof.get(), arrival.verified))
      return device->on_packet(packet, arrival.message);
    part(*device);
  } else if (const auto route = routes_.find(arrival.peer); route != routes_.end()) {
    arrival.serial = route->second.serial;
    if (keel::same_identity(route->second.proof.get(), arrival.verified)) {
      return forward(arrival, route->second.home, true, false);
    }
    post(route->second.home, {Letter::Kind::elsewhere, false, 0, arrival.peer, {}, {}});
    routes_.erase(route);
  }
  stranger(arrival, packet);
}

// Somebody of an earlier run, whose datagrams arrive here from now on.
void ShardRoom::greet_homecomer(const PeerView& peer) {
  if (Device* const device = at(peer)) {
    if (std::exchange(device->link.anywhere, false)) common.homecomers->forget(Peer(peer));
    return;
  }
  std::uint32_t home;
  if (routes_.contains(peer) || !common.homecomers->take(Peer(peer), home)) return;
  make_route(peer, home, nullptr);
}

// Nobody is known there, and nothing is remembered of it.
void ShardRoom::stranger(const Arrival& arrival, const Packet& packet) {
  if (packet.type == Type::searchgw || !from_client(packet.type)) return;
  if (packet.type == Type::publish && packet.flags.qos < 0) {
    return publish_without_session(arrival, packet);
  }
  ++counters.unknown_peer;
  if (packet.type == Type::pingreq && !packet.text.empty()) {
    const std::uint32_t home = common.host.shards().home(packet.text);
    if (home == index) return rebind(arrival, packet);
    if (arrival.via == index) return forward(arrival, home, false, true);
  }
  tell_to_connect(arrival);
}

void ShardRoom::tell_to_connect(const Arrival& arrival) {
  const std::size_t source = peers_.hash_function().of.host(arrival.peer.address);
  if (disconnects_.allow(source, now_ms())) transmit(arrival.peer, arrival.via, disconnect(), {});
}

void ShardRoom::answer_search(const Arrival& arrival) {
  const std::size_t source = peers_.hash_function().of.host(arrival.peer.address);
  if (!gwinfos_.allow(source, now_ms())) return;
  transmit(arrival.peer, arrival.via, gwinfo(settings_->gateway_id), {}, arrival.radius);
}

void ShardRoom::publish_without_session(const Arrival& arrival, const Packet& packet) {
  std::string topic;
  std::string_view payload;
  if (!settings_->qos_neg1 || !topic_of(packet, *settings_->clients, topic, payload)) {
    ++counters.qos_neg1_dropped;
  } else if (common.nobody_home == index) {
    nobody_.publish(*settings_, *arrival.peer.listener, topic, payload, packet.flags.retain);
  } else {
    const PeerView named{arrival.peer.listener, arrival.peer.address, false, topic};
    if (!post(common.nobody_home,
              {Letter::Kind::nobody, packet.flags.retain, 0, named, payload, {}})) {
      ++counters.qos_neg1_dropped;
    }
  }
}

void ShardRoom::forward(const Arrival& arrival, std::uint32_t home, bool routed, bool with_proof) {
  post(home, {Letter::Kind::datagram, routed, arrival.serial, arrival.peer, arrival.message,
              with_proof ? keel::copy_proof(arrival.verified) : nullptr});
}

// False: too much waits there already.
bool ShardRoom::post(std::uint32_t to, Letter letter) {
  const Mailbox::Put done = put(*common.rooms[to]->inboxes_[index], std::move(letter));
  if (done == Mailbox::Put::first) {
    // Where that is not possible, the other shard looks by itself soon.
    common.host.shards()
        .post(to, [room = common.rooms[to].get(), from = index] { room->open_mail(from); })
        .ignore();
  }
  if (done == Mailbox::Put::full) ++counters.forward_dropped;
  return done != Mailbox::Put::full;
}

void ShardRoom::open_mail(std::uint32_t from) {
  inboxes_[from]->take().each([&](Envelope& envelope, std::string_view octets) {
    Letter letter = envelope.open(octets);
    if (letter.kind == Letter::Kind::route) {
      take_route(letter, from);
    } else if (letter.kind == Letter::Kind::datagram) {
      came_home(letter, from);
    } else {
      handle(letter);
    }
  });
}

void ShardRoom::handle(const Letter& letter) {
  switch (letter.kind) {
    case Letter::Kind::elsewhere:
      if (Device* const device = at(letter.peer)) part(*device);
      return;
    case Letter::Kind::gone:
      return drop_route(letter.peer, letter.serial);
    case Letter::Kind::send:
      if (!common.host.udp().send(letter.peer.listener->id(), letter.peer.address, letter.bytes)) {
        ++counters.send_failed;
      }
      return;
    case Letter::Kind::nobody:
      return nobody_.publish(*settings_, *letter.peer.listener, letter.peer.node, letter.bytes,
                             letter.flag);
    default:
      return;
  }
}

// A message whose sender's home is here, or so it says.
void ShardRoom::came_home(const Letter& letter, std::uint32_t from) {
  Packet packet;
  if (leaving_ || !decode(letter.bytes, packet)) return;
  const keel_verified proved = letter.proof ? letter.proof->c() : keel_verified{};
  const Arrival arrival{letter.peer,   from,
                        letter.serial, keel::Verified(letter.proof ? &proved : nullptr),
                        letter.bytes,  0};
  if (packet.type == Type::connect) return welcome(arrival, packet);
  if (!letter.flag) return rebind(arrival, packet);
  if (Device* const device = at(letter.peer)) {
    device->link.via = from;
    device->link.serial = letter.serial;
    device->link.anywhere = false;
    return device->on_packet(packet, letter.bytes);
  }
  post(from, {Letter::Kind::gone, false, letter.serial, letter.peer, {}, {}});
  stranger(arrival, packet);
}

// The home shard has accepted that a sleeping client is here now. Its message goes there again, by
// the route that its answers can take.
void ShardRoom::take_route(Letter& letter, std::uint32_t from) {
  if (at(letter.peer) || routes_.contains(letter.peer)) {  // another client was quicker
    post(from, {Letter::Kind::elsewhere, false, 0, letter.peer, {}, {}});
    return;
  }
  const std::uint32_t serial = make_route(letter.peer, from, std::move(letter.proof));
  post(from, {Letter::Kind::datagram, true, serial, letter.peer, letter.bytes, {}});
}

void ShardRoom::drop_route(const PeerView& peer, std::uint32_t serial) {
  const auto found = routes_.find(peer);
  if (found != routes_.end() && found->second.serial == serial) routes_.erase(found);
}

}  // namespace sn
