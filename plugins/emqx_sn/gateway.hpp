// The gateway: its listeners, and a room on every shard. [control], unless said otherwise.
//
// What commands ask about clients they ask on each shard:
//
//   gateway.on_each([](sn::ShardRoom& room) {            // on every shard
//     room.each([](const sn::Device& device) { ... });   // id(), client(), session(), link.peer
//   });
//   gateway.on_home(client_id, [](sn::ShardRoom& room) { room.find(...); room.kick(...); });
#pragma once

#include <keel/plugin_base.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_sn/listener.hpp"
#include "emqx_sn/proven.hpp"
#include "emqx_sn/saved_device.hpp"
#include "emqx_sn/shard_room.hpp"

namespace sn {

class Gateway {
 public:
  explicit Gateway(keel::Host& host)
      : common_(host), listeners_(host, "emqx_sn", &Gateway::receive, this) {}

  keel::Status start(const SettingsPtr& settings);
  // Where that fails, all is as before.
  keel::Status apply(const SettingsPtr& settings);
  // Reads certificates and keys again.
  void reload_tls() { listeners_.reload_tls(); }
  // Says goodbye to all, but for those who sleep, if the broker is `stopping` and its store keeps
  // them. `done` is let go of when all have gone, or shortly before the deadline.
  void leave(std::uint32_t deadline_ms, bool stopping,
             const std::shared_ptr<keel::DrainDone>& done);
  // After stop().
  void save(std::string& out) const;
  // Before start(). False: not written by save().
  bool load(std::string_view blob);

  // Runs fn(ShardRoom&) on every shard, or on the home of a client id; later, in any order.
  template <class F>
  void on_each(const F& fn) const {
    for (const auto& room : common_.rooms) on(*room, fn);
  }
  template <class F>
  void on_home(std::string_view client_id, const F& fn) const {
    on(*common_.rooms[common_.host.shards().home(client_id)], fn);
  }
  std::uint32_t shards() const { return static_cast<std::uint32_t>(common_.rooms.size()); }

  const ListenerSet& listeners() const { return listeners_; }
  // Clients that are not away. [any]
  std::uint32_t live() const { return common_.live.load(std::memory_order_relaxed); }
  // Clients in this state. [any]
  std::uint32_t count(Client::State state) const {
    std::uint32_t out = 0;
    for (const auto& room : common_.rooms) out += room->tally.of(state);
    return out;
  }
  // Of a shard, for what sends on it.
  Counters& counters(std::uint32_t shard) { return common_.rooms[shard]->counters; }

 private:
  template <class F>
  void on(ShardRoom& room, const F& fn) const {
    common_.host.shards().post(room.index, [&room, fn] { fn(room); }).ignore();
  }
  static void receive(void* gateway, Listener& listener, const keel::Datagram& datagram);
  keel::Status make_rooms(const SettingsPtr& settings);
  void adopt();

  Common common_;
  ListenerSet listeners_;
  Proven proven_;
  std::vector<SavedDevice> inherited_;
  bool taken_over_ = false;  // from an old version
};

}  // namespace sn
