#include "emqx_sn/keeper.hpp"

#include <algorithm>
#include <utility>

#include "emqx_sn/kept.hpp"
#include "emqx_sn/shard_room.hpp"

namespace sn {
namespace {

// What a turn of 100 ms writes; one record more may go beyond it.
constexpr std::size_t kOctetsAtATime = 1 << 20;
constexpr std::int64_t kQuietMs = 60'000;

bool is_settled(Client::State state) {
  return state != Client::State::connecting && state != Client::State::closing;
}

// Of a sleeper it is known when it was heard, to a quarter of its sleep.
bool is_old(const Device& device) {
  const Client& client = device.client();
  return client.state() == Client::State::asleep &&
         client.heard_ms() - device.kept.heard_ms >= std::int64_t{client.sleep_s()} * 250;
}

}  // namespace

void Keeper::look_at(Device& device) {
  const Client& client = device.client();
  const KeptMark& kept = device.kept;
  if (kept.waits || !room_.settings()->persist || !is_settled(client.state())) return;
  const bool behind = client.persistent()
                          ? kept.revision != client.revision() || (kept.stored && is_old(device))
                          : kept.stored;
  if (behind) mark(device);
}

void Keeper::mark(Device& device) {
  if (!std::exchange(device.kept.waits, true)) line_.push_back(device.id());
}

void Keeper::erase(const Device& device) {
  if (!device.kept.stored) return;
  if (erased_.size() < room_.settings()->max_connections) erased_.push_back(device.id());
}

void Keeper::turn() {
  if (!line_.empty() || !erased_.empty()) write(kOctetsAtATime, false);
}

void Keeper::finish() { write(SIZE_MAX, true); }

bool Keeper::finish(Device& device) {
  std::size_t octets = SIZE_MAX;
  return room_.settings()->persist && device.client().persistent() && erase_all() &&
         put(device, true, octets) == Outcome::done;
}

void Keeper::write(std::size_t octets, bool last) {
  if (!erase_all()) return;
  while (!line_.empty() && octets > 0) {
    if (Device* const device = room_.find(line_.front()); device && device->kept.waits) {
      if (!bring_up_to_date(*device, last, octets)) return;
    }
    line_.pop_front();
  }
  count_when_safe();
}

// In front of what is written: a client may be there again. False: the store is busy.
bool Keeper::erase_all() {
  for (; !erased_.empty(); erased_.pop_front()) {
    if (outcome_of(room_.common.host.kv().erase(erased_.front())) == Outcome::busy) return false;
  }
  return true;
}

bool Keeper::bring_up_to_date(Device& device, bool last, std::size_t& octets) {
  const Client& client = device.client();
  Outcome outcome = Outcome::done;
  if (is_settled(client.state())) {  // else it is looked at when it has come to something
    if (client.persistent() && room_.settings()->persist) {
      outcome = put(device, last, octets);
    } else if (device.kept.stored) {
      outcome = outcome_of(room_.common.host.kv().erase(device.id()));
      device.kept.stored = outcome == Outcome::busy;
    }
    if (outcome == Outcome::busy) return false;
    device.kept.revision = client.revision();
  }
  device.kept.waits = false;
  return true;
}

Keeper::Outcome Keeper::put(Device& device, bool last, std::size_t& octets) {
  keel::Host& host = room_.common.host;
  SavedDevice saved;
  device.save(saved);
  const std::string record =
      kept_record(std::move(saved), last, {room_.now_ms(), host.clock().wall_ms()});
  const Outcome outcome = outcome_of(host.kv().put(device.id(), record));
  if (outcome == Outcome::done) {
    device.kept.stored = true;
    device.kept.heard_ms = device.client().heard_ms();
    ++unsafe_;
  }
  octets -= std::min(octets, record.size());
  return outcome;
}

// A record that the store does not take for another reason is given up until its client changes.
Keeper::Outcome Keeper::outcome_of(const keel::Status& status) {
  if (status) return Outcome::done;
  const keel::Log log = room_.common.host.log();
  const bool none = status.code() == KEEL_E_NOENT || status.code() == KEEL_E_UNSUPPORTED;
  if (none) {
    const bool told = room_.common.told_no_store.exchange(true, std::memory_order_relaxed);
    if (!told) log.debug("there is no store: clients are not known again after a restart");
    return Outcome::no_store;
  }
  if (room_.now_ms() >= quiet_until_ms_) {
    quiet_until_ms_ = room_.now_ms() + kQuietMs;
    log.warning("the store is behind with what is kept of clients: ", status);
  }
  return status.code() == KEEL_E_LIMIT ? Outcome::busy : Outcome::no_store;
}

// One question at a time.
void Keeper::count_when_safe() {
  if (unsafe_ == 0 || syncing_) return;
  const std::uint64_t written = std::exchange(unsafe_, 0);
  syncing_ = static_cast<bool>(room_.common.host.kv().sync([this, written] {
    syncing_ = false;
    room_.counters.kept += written;
    count_when_safe();
  }));
}

}  // namespace sn
