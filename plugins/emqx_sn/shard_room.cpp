#include "emqx_sn/shard_room.hpp"

#include <algorithm>

#include "emqx_sn/forwarder.hpp"
#include "emqx_sn/saved_device.hpp"

namespace sn {
namespace {

// Left of a deadline for the kernel to hear that all is done.
constexpr std::uint32_t kMargin = 1500;
// Answers to strangers in a second: for each source address, and in all.
constexpr std::uint32_t kDisconnects = 10, kAllDisconnects = 1000;
constexpr std::uint32_t kGwinfos = 50, kAllGwinfos = 1000;
constexpr std::uint8_t kAdministrativeAction = 0x98;
// How many clients of an earlier run ask the broker for their session in 100 ms.
constexpr std::int64_t kKnocksAtATime = 500;

Type type_of(const Head& head) {
  const bool longer = head.octets[0] == 1;
  return static_cast<Type>(head.octets[longer ? 3 : 1]);
}

}  // namespace

ShardRoom::ShardRoom(Common& of, std::uint32_t shard, SettingsPtr settings)
    : common(of),
      index(shard),
      wheel(of.host.clock().mono_ms()),
      keeper(*this),
      settings_(std::move(settings)),
      peers_(0, Hash{{PeerHash(of.seed)}}),
      routes_(0, PeerTableHash{PeerHash(of.seed)}),
      disconnects_(kDisconnects, kAllDisconnects),
      gwinfos_(kGwinfos, kAllGwinfos),
      nobody_(of, counters) {
  for (std::uint32_t i = 0; i < of.host.shards().count(); ++i) {
    inboxes_.push_back(std::make_unique<Mailbox>());
  }
}

ShardRoom::~ShardRoom() = default;

void ShardRoom::turn() {
  for (std::uint32_t from = 0; from < inboxes_.size(); ++from) open_mail(from);
  for (const std::string& id : std::exchange(reminders_, {})) {
    if (Device* const device = find(id)) device->remind();
  }
  wheel.turn(now_ms());
  keeper.turn();
  if (done_ && now_ms() >= leave_by_ms_) left();
}

void ShardRoom::use(const SettingsPtr& settings) {
  const SettingsPtr before = std::exchange(settings_, settings);
  nobody_.leave();
  for (const auto& [id, device] : devices_) {
    device->client().use(settings->clients);
    if (before->persist != settings->persist) keeper.mark(*device);
  }
}

void ShardRoom::part_all(const Listener& listener) {
  std::vector<Device*> here;
  for (Device* const device : peers_) {
    if (device->link.peer.listener == &listener) here.push_back(device);
  }
  for (Device* const device : here) part(*device);
  std::erase_if(routes_, [&](const auto& each) { return each.first.listener == &listener; });
}

void ShardRoom::leave(std::uint32_t deadline_ms, bool sleepers_stay,
                      std::shared_ptr<keel::DrainDone> done) {
  leaving_ = true;
  leave_by_ms_ = now_ms() + deadline_ms - std::min(deadline_ms / 2, kMargin);
  done_ = std::move(done);
  nobody_.leave();
  std::vector<Device*> live;
  for (const auto& [id, device] : devices_) {
    if (!device->away()) live.push_back(device.get());
  }
  for (Device* const device : live) {
    if (sleepers_stay && device->asleep() && keeper.finish(*device)) {
      leave_asleep(*device);
    } else {
      device->end(0);
    }
  }
  if (all_away()) left();
}

// It hears nothing, its session waits in the broker, and its will is not published.
void ShardRoom::leave_asleep(Device& device) {
  peers_.erase(&device);
  count(device, false);
  tally.remove(device.tallied);
  devices_.erase(devices_.find(device.id()));
}

void ShardRoom::left() {
  keeper.finish();
  done_.reset();
}

bool ShardRoom::kick(std::string_view client_id) {
  Device* const device = find(client_id);
  if (!device || device->away()) return false;
  device->end(kAdministrativeAction);
  return true;
}

void ShardRoom::transmit(const PeerView& to, std::uint32_t via, const Head& head,
                         std::string_view data, std::uint8_t radius) {
  ++counters.packets_out[static_cast<std::size_t>(type_of(head)) % counters.packets_out.size()];
  Wrapper wrapper;
  if (to.wrapped) wrapper = wrap(to.node, radius);
  if (via != index && to.listener->sticky()) {
    const std::string datagram = keel::concat(wrapper.view(), head.view(), data);
    post(via, {Letter::Kind::send, false, 0, {to.listener, to.address, false, {}}, datagram, {}});
  } else if (!common.host.udp().send(
                 to.listener->id(), to.address,
                 {keel::to_c(wrapper.view()), keel::to_c(head.view()), keel::to_c(data)})) {
    ++counters.send_failed;
  }
}

void ShardRoom::settle(Device& device) {
  const Client::State state = device.client().state();
  tally.move(device.tallied, state);
  // Who is closing has been told goodbye: its place is free.
  count(device,
        !device.forgotten() && state != Client::State::away && state != Client::State::closing);
  if (device.forgotten()) {
    unlink(device);
    remove(device);
  } else {
    keeper.look_at(device);
    if (device.away()) {
      unlink(device);
      if (!device.on_away_list) {
        device.away_place = away_.insert(away_.end(), &device);
        device.on_away_list = true;
        if (away_.size() > settings_->max_connections) remove(*away_.front());
      }
    } else if (device.on_away_list) {
      away_.erase(device.away_place);
      device.on_away_list = false;
    }
  }
  if (leaving_ && done_ && all_away()) left();
}

void ShardRoom::count(Device& device, bool live) {
  if (std::exchange(device.counted, live) == live) return;
  common.live.fetch_add(live ? 1u : ~0u, std::memory_order_relaxed);
}

// Of a client that is away the broker still has the session; only topic ids and will are lost.
void ShardRoom::remove(Device& device) {
  keeper.erase(device);
  tally.remove(device.tallied);
  if (device.on_away_list) away_.erase(device.away_place);
  devices_.erase(devices_.find(device.id()));
}

void ShardRoom::adopt(const SavedDevice& saved, const Listener* listener) {
  auto made = std::make_unique<Device>(*this, saved, Peer());
  Device& device = *made;
  if (!devices_.try_emplace(device.id(), std::move(made)).second) return;
  if (listener && saved.via < common.rooms.size()) {
    link_as_saved(device, saved, listener);
    device.link.via = saved.via;
    if (saved.via != index) {
      device.link.serial = common.rooms[saved.via]->make_route(
          device.link.peer.view(), index,
          device.proof ? std::make_unique<keel::Proof>(*device.proof) : nullptr);
    }
  } else if (listener && saved.via == SavedDevice::kAnywhere) {
    expect(device, saved, listener);
  }
  device.kept.stored = true;  // the old version had no time to write all
  keeper.mark(device);
  settle(device);
  let_knock(device);
}

bool ShardRoom::restore(SavedDevice& saved, const Listener* listener) {
  const std::int64_t most = now_ms() + std::int64_t{settings_->clients->session_expiry_s} * 1000;
  Standing& at = saved.client.at;
  // Who was active and can be anywhere now has to connect again.
  const bool lost = !listener || listener->dtls();
  if (at.state == Client::State::active && lost) {
    at.state = Client::State::away;
    at.link = Link::none;
    at.away_until = most;
  }
  at.away_until = std::min(at.away_until, most);
  const bool live = at.state != Client::State::away;
  if (live && common.live.load(std::memory_order_relaxed) >= settings_->max_connections) {
    return false;
  }
  Peer origin;
  origin.listener = listener;
  origin.address = saved.address;
  auto made = std::make_unique<Device>(*this, saved, std::move(origin));
  Device& device = *made;
  if (!devices_.try_emplace(device.id(), std::move(made)).second) return false;
  if (live && !lost) expect(device, saved, listener);
  device.kept = {device.client().revision(), device.client().heard_ms(), true, false};
  keeper.mark(device);  // with the gap in its topic ids
  settle(device);
  let_knock(device);
  return true;
}

// Not all at once.
void ShardRoom::let_knock(Device& device) {
  if (!device.returning()) return;
  wheel.wake_at(device, now_ms() + 1 + 100 * (knocking_++ / kKnocksAtATime));
}

// Where it was, wherever its datagrams arrive now.
void ShardRoom::expect(Device& device, const SavedDevice& saved, const Listener* listener) {
  if (at({listener, saved.address, saved.wrapped, saved.node})) return;
  link_as_saved(device, saved, listener);
  device.link.via = index;
  device.link.anywhere = true;
  common.homecomers->expect(device.link.peer, index);
}

void ShardRoom::link_as_saved(Device& device, const SavedDevice& saved, const Listener* listener) {
  device.link.peer.listener = listener;
  device.link.peer.address = saved.address;
  device.link.peer.wrapped = saved.wrapped;
  device.link.peer.node = saved.node;
  peers_.insert(&device);
}

// To the client's home, from the shard where its datagrams arrive. The route's serial.
std::uint32_t ShardRoom::make_route(const PeerView& peer, std::uint32_t home,
                                    keel::ProofPtr proof) {
  Route& route = routes_[Peer(peer)];
  route.home = home;
  route.serial = ++last_serial_;
  route.proof = std::move(proof);
  return route.serial;
}

}  // namespace sn
