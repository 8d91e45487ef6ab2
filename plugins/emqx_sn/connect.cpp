// ShardRoom: who becomes a client, and who changes its place.
#include <keel/utf8.hpp>
#include <random>

#include "emqx_sn/encode.hpp"
#include "emqx_sn/packet.hpp"
#include "emqx_sn/shard_room.hpp"

namespace sn {
namespace {

constexpr std::size_t kMaxClientId = 1024;

bool is_client_id(std::string_view id) {
  return id.size() <= kMaxClientId && id.find('\0') == id.npos && keel::is_utf8(id);
}

}  // namespace

// On the shard of arrival: finds out whose CONNECT it is, and lets go of whom the peer was before.
void ShardRoom::connect(Arrival& arrival, Packet packet) {
  if (packet.protocol_id != kProtocolId) return refuse(arrival, ReturnCode::not_supported);
  Device* const known = at(arrival.peer);
  std::string generated;
  if (packet.text.empty()) {
    if (!packet.flags.clean) return refuse(arrival, ReturnCode::not_supported);
    generated = known && known->generated ? known->id() : generate_id();
    packet.text = generated;
  }
  if (!is_client_id(packet.text)) return refuse(arrival, ReturnCode::not_supported);
  if (known && known->id() != packet.text) part(*known);
  const std::uint32_t home = common.host.shards().home(packet.text);
  if (!go_home(arrival, home)) return refuse(arrival, ReturnCode::congestion);
  if (home != index) return forward(arrival, home, true, true);
  welcome(arrival, packet);
  if (Device* const device = at(arrival.peer)) device->generated = !generated.empty();
}

// Makes the route there, or ends the one that leads to another client. False: there are too many.
bool ShardRoom::go_home(Arrival& arrival, std::uint32_t home) {
  const auto route = routes_.find(arrival.peer);
  if (route != routes_.end() && route->second.home != home) {
    post(route->second.home, {Letter::Kind::elsewhere, false, 0, arrival.peer, {}, {}});
    routes_.erase(route);
  }
  if (home == index) return true;
  if (!routes_.contains(arrival.peer) && routes_.size() >= settings_->max_connections) return false;
  Route& to = routes_[Peer(arrival.peer)];
  to.home = home;
  arrival.serial = to.serial = ++last_serial_;
  to.proof = keel::copy_proof(arrival.verified);
  return true;
}

// On the home shard. A client that is connected stays as it is unless the same identity asks.
void ShardRoom::welcome(const Arrival& arrival, const Packet& packet) {
  if (Device* const other = at(arrival.peer); other && other->id() != packet.text) part(*other);
  Device* device = find(packet.text);
  if (device && !device->away()) {
    if (!keel::same_identity(device->proof.get(), arrival.verified)) {
      return refuse(arrival, ReturnCode::not_supported);
    }
    if (!same(device->link.peer.view(), arrival.peer)) {
      if (device->link.peer && !device->asleep()) {
        transmit(device->link.peer.view(), device->link.via, disconnect(), {});
      }
      unlink(*device);
      link(*device, arrival);
      device->client().moved();
    }
  } else {
    if (!may_come()) return refuse(arrival, ReturnCode::congestion);
    const bool back = device != nullptr;
    if (!back) device = &make(std::string(packet.text));
    link(*device, arrival);
    if (back) device->client().moved();
  }
  device->link.via = arrival.via;
  device->link.serial = arrival.serial;
  device->link.anywhere = false;
  device->proof = keel::copy_proof(arrival.verified);
  device->on_packet(packet, arrival.message);
}

bool ShardRoom::may_come() {
  const std::size_t most = settings_->max_connections;
  // Those that are leaving have no place, but they are not for nothing either.
  if (common.live.load(std::memory_order_relaxed) >= most ||
      devices_.size() - away_.size() >= 2 * most) {
    complain("mqtt.sn.max_connections");
    return false;
  }
  if (settings_->connect_rate == 0) return true;
  const std::int64_t second = now_ms() / 1000;
  if (second != connect_second_) {
    connect_second_ = second;
    connects_ = 0;
  }
  const std::size_t rooms = common.rooms.size();
  if (connects_ >= (settings_->connect_rate + rooms - 1) / rooms) {
    complain("mqtt.sn.max_conn_rate");
    return false;
  }
  ++connects_;
  return true;
}

// Once a minute at most.
void ShardRoom::complain(const char* limit) {
  if (now_ms() < quiet_until_ms_) return;
  quiet_until_ms_ = now_ms() + 60'000;
  common.host.log().warning("clients are told \"congestion\": ", limit, " is reached");
}

// The PINGREQ of a sleeping client from where nobody was known. On its home shard.
void ShardRoom::rebind(const Arrival& arrival, const Packet& packet) {
  Device* const device = find(packet.text);
  if (!device || !settings_->rebind || !device->asleep() ||
      !keel::same_identity(device->proof.get(), arrival.verified)) {
    return tell_to_connect(arrival);
  }
  if (Device* const other = at(arrival.peer)) part(*other);
  ++counters.rebinds;
  unlink(*device);
  link(*device, arrival);
  device->client().moved();
  if (arrival.via == index) return device->on_packet(packet, arrival.message);
  post(arrival.via, {Letter::Kind::route, false, 0, arrival.peer, arrival.message,
                     keel::copy_proof(arrival.verified)});
  settle(*device);
}

void ShardRoom::refuse(const Arrival& arrival, ReturnCode code) {
  transmit(arrival.peer, arrival.via, connack(code), {});
  if (arrival.via != index && !at(arrival.peer)) {
    post(arrival.via, {Letter::Kind::gone, false, arrival.serial, arrival.peer, {}, {}});
  }
}

// One whose home is here, so that its datagrams need no other shard.
std::string ShardRoom::generate_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (;;) {
    std::string id = "sn-";
    for (int words = 0; words < 4; ++words) {
      std::uint32_t word = random_();
      for (int i = 0; i < 8; ++i, word >>= 4) id += kDigits[word & 15];
    }
    if (common.host.shards().home(id) == index && !find(id)) return id;
  }
}

Device* ShardRoom::at(const PeerView& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : *found;
}

Device* ShardRoom::find(std::string_view client_id) const {
  const auto found = devices_.find(client_id);
  return found == devices_.end() ? nullptr : found->second.get();
}

Device& ShardRoom::make(std::string client_id) {
  auto made = std::make_unique<Device>(*this, std::move(client_id));
  Device& device = *made;
  devices_.emplace(device.id(), std::move(made));
  return device;
}

void ShardRoom::link(Device& device, const Arrival& arrival) {
  device.link = {Peer(arrival.peer), arrival.via, arrival.serial, false};
  peers_.insert(&device);
  if (device.client().persistent()) keeper.mark(device);
  count(device, true);
}

void ShardRoom::unlink(Device& device) {
  if (!device.link.peer) return;
  peers_.erase(&device);
  const Place link = std::exchange(device.link, {});
  if (link.anywhere) common.homecomers->forget(link.peer);
  if (link.via == index) return;
  post(link.via, {Letter::Kind::gone, false, link.serial, link.peer.view(), {}, {}});
}

// Its peer has become somebody else, or cannot be reached: it hears nothing of its end.
void ShardRoom::part(Device& device) {
  unlink(device);
  device.displace();
}

}  // namespace sn
