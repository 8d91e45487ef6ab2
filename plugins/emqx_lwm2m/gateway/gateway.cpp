#include "emqx_lwm2m/gateway/gateway.hpp"

#include <algorithm>
#include <random>
#include <unordered_set>

namespace lwm2m {
namespace {

constexpr std::uint32_t kTurnMs = 100;
// Devices of an earlier run that a shard takes in at a time.
constexpr std::size_t kRestoredAtATime = 200;

}  // namespace

Gateway::Gateway(keel::Host& host)
    : common_(host), listeners_(host, "emqx_lwm2m", &Gateway::receive, this), keeper_(host) {
  common_.keeper = &keeper_;
}

keel::Status Gateway::start(const SettingsPtr& settings) {
  settings_ = settings;
  KEEL_TRY(keeper_.open());
  common_.keeps = settings->persist;
  KEEL_TRY(make_rooms());
  KEEL_TRY(listeners_.start(settings->listeners));
  know_addresses();
  const bool continued = std::exchange(taken_over_, false);
  adopt();
  if (continued || !settings->persist) {
    for (const auto& room : common_.rooms) room->open_doors();
  }
  if (!settings->persist) return {};
  return keeper_.read([this, continued](std::vector<SavedResident> saved) {
    if (continued) {
      forget_others(saved);
    } else {
      restore(std::move(saved));
    }
  });
}

keel::Status Gateway::make_rooms() {
  std::random_device random;
  common_.secret = taken_over_ ? handed_over_.secret : std::uint64_t{random()} << 32 | random();
  common_.homecomers = std::make_unique<Homecomers>(PeerHash(common_.secret));
  common_.stand_in_home = common_.host.shards().home(StandIn::kClientId);
  common_.rooms.clear();
  common_.devices = 0;
  common_.places = 0;
  common_.newcomers = 0;
  for (std::uint32_t i = 0; i < common_.host.shards().count(); ++i) {
    common_.rooms.push_back(std::make_unique<ShardRoom>(common_, i, settings_));
  }
  for (const auto& room : common_.rooms) {
    KEEL_TRY(common_.host.timers()
                 .every(
                     kTurnMs, [at = room.get()] { at->turn(); }, room->index)
                 .into(room->timer));
  }
  return {};
}

void Gateway::know_addresses() {
  common_.loopback_only = listeners_.loopback_only();
  if (!listeners_.open().empty()) common_.address = listeners_.open().front()->local();
}

// Before anything runs; see save().
void Gateway::adopt() {
  const Handover rest = std::exchange(handed_over_, {});
  common_.rooms[common_.stand_in_home]->adopt_stand_in(rest.stand_in, rest.unsaid);
  for (std::size_t i = 0; i < std::min(rest.pairings.size(), common_.rooms.size()); ++i) {
    common_.rooms[i]->adopt(rest.pairings[i]);
  }
  for (const SavedResident& saved : std::exchange(inherited_, {})) {
    const std::uint32_t home = common_.host.shards().home(saved.device.registration.endpoint);
    common_.rooms[home]->adopt(saved, listeners_.find(saved.listener));
  }
  for (const auto& [endpoint, answered] : rest.answered) {
    common_.rooms[common_.host.shards().home(endpoint)]->recall(endpoint, answered);
  }
}

// In parts, so that no shard is busy with it for long; then the rooms open.
void Gateway::restore(std::vector<SavedResident> saved) {
  std::vector<std::vector<SavedResident>> parts(common_.rooms.size());
  const auto hand_over = [&](std::uint32_t home) {
    auto part = std::make_shared<std::vector<SavedResident>>(std::exchange(parts[home], {}));
    on(*common_.rooms[home], [this, part](ShardRoom& room) { room.restore(*part, listeners_); });
  };
  for (SavedResident& one : saved) {
    const std::uint32_t home = common_.host.shards().home(one.device.registration.endpoint);
    parts[home].push_back(std::move(one));
    if (parts[home].size() >= kRestoredAtATime) hand_over(home);
  }
  for (std::uint32_t home = 0; home < parts.size(); ++home) hand_over(home);
  on_each([](ShardRoom& room) { room.open_doors(); });
}

// Of an earlier version that could not write any more that they are gone.
void Gateway::forget_others(const std::vector<SavedResident>& saved) {
  for (const SavedResident& one : saved) {
    on_home(one.device.registration.endpoint,
            [endpoint = one.device.registration.endpoint](ShardRoom& room) {
              room.forget_unless_there(endpoint);
            });
  }
}

keel::Status Gateway::apply(const SettingsPtr& settings) {
  std::vector<Listener*> closed;
  KEEL_TRY(listeners_.change(settings->listeners, closed));
  settings_ = settings;
  know_addresses();
  common_.keeps = settings->persist;
  on_each([settings, closed](ShardRoom& room) {
    for (const Listener* listener : closed) room.part_all(*listener);
    room.use(settings);
  });
  return {};
}

void Gateway::leave(keel::DrainReason why, std::uint32_t,
                    const std::shared_ptr<keel::DrainDone>& done) {
  listeners_.close();
  const bool keep = why == keel::DrainReason::stop && settings_->persist;
  // The rooms hand in what they have before they let go of this; the journal comes after all.
  const std::shared_ptr<void> all(nullptr, [this, done](void*) mutable {
    common_.host.shards()
        .post(keel::kControl, [this, done = std::move(done)] { keeper_.flush(done); })
        .ignore();
  });
  on_each([keep, all](ShardRoom& room) { room.leave(keep, all); });
}

void Gateway::save(std::string& out) const {
  Handover rest;
  rest.secret = common_.secret;
  for (const auto& room : common_.rooms) room->save(rest);
  append(out, rest);
  for (const auto& room : common_.rooms) {
    room->each([&out](const Resident& resident) {
      SavedResident saved;
      resident.save(saved);
      append(out, saved);
    });
  }
}

bool Gateway::load(std::string_view blob) {
  taken_over_ = true;
  inherited_.clear();
  handed_over_ = {};
  return take(blob, handed_over_) && read_saved(blob, inherited_);
}

void Gateway::operate(std::string_view endpoint, std::string_view json, OperationDone done) const {
  on_home(endpoint,
          [endpoint = std::string(endpoint), json = std::string(json),
           done = std::move(done)](ShardRoom& room) { room.operate(endpoint, json, done); });
}

void Gateway::deregister(std::string_view endpoint, std::function<void(bool)> done) const {
  on_home(endpoint, [endpoint = std::string(endpoint), done = std::move(done)](ShardRoom& room) {
    done(room.deregister(endpoint));
  });
}

// [shard]
void Gateway::receive(void* gateway, Listener& listener, const keel::Datagram& datagram) {
  const Common& common = static_cast<Gateway*>(gateway)->common_;
  common.rooms[common.host.shards().current()]->received(listener, datagram);
}

}  // namespace lwm2m
