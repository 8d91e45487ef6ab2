// The gateway: its listeners, a room on every shard, the journal. [control], unless said otherwise.
//
// What commands ask about devices they ask on each shard:
//
//   gateway.on_each([](lwm2m::ShardRoom& room) {             // on every shard
//     room.each([](const lwm2m::Resident& one) { ... });     // device(), session(), place, proof
//   });
//   gateway.on_home(endpoint, [](lwm2m::ShardRoom& room) { room.find(endpoint); ... });
#pragma once

#include <functional>
#include <keel/plugin_base.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_lwm2m/gateway/handover.hpp"
#include "emqx_lwm2m/gateway/keeper.hpp"
#include "emqx_lwm2m/gateway/saved_resident.hpp"
#include "emqx_lwm2m/gateway/shard_room.hpp"

namespace lwm2m {

class Gateway {
 public:
  explicit Gateway(keel::Host& host);

  keel::Status start(const SettingsPtr& settings);
  // Where that fails, all is as before. A new list of definitions comes the same way: settings()
  // with other devices->definitions.
  keel::Status apply(const SettingsPtr& settings);
  // Those in force.
  const SettingsPtr& settings() const { return settings_; }
  // Reads certificates and keys again.
  void reload_tls() { listeners_.reload_tls(); }
  // Ends all that goes on. `done` is let go of when it has, or shortly before the deadline.
  void leave(keel::DrainReason why, std::uint32_t deadline_ms,
             const std::shared_ptr<keel::DrainDone>& done);
  // Nothing runs any more.
  void stop() { keeper_.close(); }
  // After stop().
  void save(std::string& out) const;
  // Before start(). False: not written by save().
  bool load(std::string_view blob);

  // An operator's command in dialect B ({"msgType":"read","data":{"path":"/3/0/9"}}), as `ctl lwm2m
  // read` and the like: it waits for its turn as any other and is answered once, on a shard; not at
  // all when the plugin goes. [any]
  void operate(std::string_view endpoint, std::string_view json, OperationDone done) const;
  // Ends a registration, as an operator wants it: the device has to register again. `done` hears
  // whether there was one, on a shard. [any]
  void deregister(std::string_view endpoint, std::function<void(bool)> done) const;

  // Runs fn(ShardRoom&) on every shard, or on the home of an endpoint; later, in any order. [any]
  template <class F>
  void on_each(const F& fn) const {
    for (const auto& room : common_.rooms) on(*room, fn);
  }
  template <class F>
  void on_home(std::string_view endpoint, const F& fn) const {
    on(*common_.rooms[common_.host.shards().home(endpoint)], fn);
  }
  std::uint32_t shards() const { return static_cast<std::uint32_t>(common_.rooms.size()); }

  const Listeners& listeners() const { return listeners_; }
  // [any]
  std::uint32_t devices() const { return common_.devices.load(std::memory_order_relaxed); }
  std::uint32_t newcomers() const { return common_.newcomers.load(std::memory_order_relaxed); }
  // "": all is well; else what is wrong with the journal.
  std::string journal_problem() const { return keeper_.problem(); }

 private:
  template <class F>
  void on(ShardRoom& room, const F& fn) const {
    common_.host.shards().post(room.index, [&room, fn] { fn(room); }).ignore();
  }
  static void receive(void* gateway, Listener& listener, const keel::Datagram& datagram);
  keel::Status make_rooms();
  void adopt();
  void restore(std::vector<SavedResident> saved);
  void forget_others(const std::vector<SavedResident>& saved);
  void know_addresses();

  Common common_;
  Listeners listeners_;
  Keeper keeper_;
  SettingsPtr settings_;
  std::vector<SavedResident> inherited_;
  Handover handed_over_;
  bool taken_over_ = false;  // load() was called
};

}  // namespace lwm2m
