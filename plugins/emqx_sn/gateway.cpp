#include "emqx_sn/gateway.hpp"

#include <random>

#include "emqx_sn/recall.hpp"

namespace sn {
namespace {

constexpr std::uint32_t kTurnMs = 100;

}  // namespace

keel::Status Gateway::start(const SettingsPtr& settings) {
  KEEL_TRY(make_rooms(settings));
  KEEL_TRY(listeners_.start(settings->listeners));
  common_.loopback_only = settings->allow_anonymous.value_or(listeners_.loopback_only());
  const bool continued = std::exchange(taken_over_, false);
  adopt();
  if (settings->persist) recall(common_, listeners_, continued);
  return proven_.use(common_.host, *settings);
}

keel::Status Gateway::make_rooms(const SettingsPtr& settings) {
  std::random_device random;
  common_.seed = std::uint64_t{random()} << 32 | random();
  common_.nobody_home = common_.host.shards().home(Nobody::kClientId);
  common_.live = 0;
  common_.told_no_store = false;
  common_.homecomers = std::make_unique<Homecomers>(PeerTableHash{PeerHash(common_.seed)});
  common_.rooms.clear();
  for (std::uint32_t i = 0; i < common_.host.shards().count(); ++i) {
    common_.rooms.push_back(std::make_unique<ShardRoom>(common_, i, settings));
  }
  for (const auto& room : common_.rooms) {
    KEEL_TRY(common_.host.timers()
                 .every(
                     kTurnMs, [at = room.get()] { at->turn(); }, room->index)
                 .into(room->timer));
  }
  return {};
}

// Before anything runs; see save().
void Gateway::adopt() {
  for (const SavedDevice& saved : std::exchange(inherited_, {})) {
    const std::uint32_t home = common_.host.shards().home(saved.client.client_id);
    common_.rooms[home]->adopt(saved, listeners_.find(saved.listener));
  }
}

keel::Status Gateway::apply(const SettingsPtr& settings) {
  std::vector<Listener*> closed;
  KEEL_TRY(listeners_.change(settings->listeners, closed));
  common_.loopback_only = settings->allow_anonymous.value_or(listeners_.loopback_only());
  on_each([settings, closed](ShardRoom& room) {
    for (const Listener* listener : closed) room.part_all(*listener);
    room.use(settings);
  });
  return proven_.use(common_.host, *settings);
}

void Gateway::leave(std::uint32_t deadline_ms, bool stopping,
                    const std::shared_ptr<keel::DrainDone>& done) {
  on_each([=](ShardRoom& room) { room.leave(deadline_ms, stopping, done); });
}

void Gateway::save(std::string& out) const {
  for (const auto& room : common_.rooms) {
    room->each([&out](const Device& device) {
      SavedDevice saved;
      device.save(saved);
      append(out, saved);
    });
  }
}

bool Gateway::load(std::string_view blob) {
  inherited_.clear();
  taken_over_ = true;
  return read_saved(blob, inherited_);
}

// [shard]
void Gateway::receive(void* gateway, Listener& listener, const keel::Datagram& datagram) {
  const Common& common = static_cast<Gateway*>(gateway)->common_;
  common.rooms[common.host.shards().current()]->received(listener, datagram);
}

}  // namespace sn
