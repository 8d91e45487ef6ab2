// The gateway on one shard: the clients whose home it is, who is known of the peers whose datagrams
// arrive here, and what goes to and comes from other shards. [its shard]
//
// A client's machine lives on the home shard of its id; its datagrams arrive where the kernel puts
// its address. When the two differ, the shard of arrival has a route for the peer and sends letters
// home. Only CONNECT makes a route, or the home shard that accepts a sleeping client's new address.
// Each CONNECT gives the route another serial, so that a `gone` that crosses it does no harm.
#pragma once

#include <atomic>
#include <keel/answer_limit.hpp>
#include <keel/homecomers.hpp>
#include <keel/plugin_base.hpp>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "emqx_sn/counters.hpp"
#include "emqx_sn/device.hpp"
#include "emqx_sn/keeper.hpp"
#include "emqx_sn/listener.hpp"
#include "emqx_sn/mailbox.hpp"
#include "emqx_sn/nobody.hpp"
#include "emqx_sn/settings.hpp"
#include "emqx_sn/tally.hpp"

namespace sn {

class ShardRoom;
using Homecomers = keel::Homecomers<Peer, PeerTableHash, PeerTableSame>;

// What the rooms have in common.
struct Common {
  explicit Common(keel::Host& of) : host(of) {}

  keel::Host& host;
  std::vector<std::unique_ptr<ShardRoom>> rooms;  // by shard
  std::uint64_t seed = 0;                         // of the tables of peers
  std::atomic<std::uint32_t> live{0};             // clients neither away nor leaving
  std::atomic<bool> loopback_only{true};          // all listeners are, or are taken for
  std::atomic<bool> told_no_store{false};         // see Keeper
  std::unique_ptr<Homecomers> homecomers;
  std::uint32_t nobody_home = 0;  // where clients without a session publish
};

// A message that came in.
struct Arrival {
  PeerView peer;
  std::uint32_t via = 0;     // the shard it arrived on
  std::uint32_t serial = 0;  // of the route it took; 0: none
  keel::Verified verified{nullptr};
  std::string_view message;  // without the forwarder's wrapper
  std::uint8_t radius = 0;   // of the wrapper
};

class ShardRoom {
 public:
  ShardRoom(Common& common, std::uint32_t shard, SettingsPtr settings);
  ShardRoom(const ShardRoom&) = delete;
  ShardRoom& operator=(const ShardRoom&) = delete;
  ~ShardRoom();

  // A datagram arrived here.
  void received(const Listener& listener, const keel::Datagram& datagram);
  // Letters of another shard.
  void open_mail(std::uint32_t from);
  // Every 100 ms.
  void turn();

  void use(const SettingsPtr& settings);
  // Their listener is closed; what is said to them may still be in the socket's buffer.
  void part_all(const Listener& listener);
  // Ends all, and lets go of `done` when nobody is left or at the deadline. `sleepers_stay`: those
  // who sleep and are kept in the store are not told, and will be there again.
  void leave(std::uint32_t deadline_ms, bool sleepers_stay, std::shared_ptr<keel::DrainDone> done);
  // A client of the old version. [control, before anything runs]
  // `listener` null: where it was is closed now.
  void adopt(const SavedDevice& saved, const Listener* listener);
  // A client of an earlier run of the broker, likewise. False: there are too many.
  bool restore(SavedDevice& saved, const Listener* listener);

  template <class F>  // f(const Device&), those that are away, too
  void each(F&& f) const {
    for (const auto& [id, device] : devices_) f(static_cast<const Device&>(*device));
  }
  // The same with a few hundred of them, from `place` on (0: the first). Answers where to go on, 0:
  // those were the last. What comes or goes between two calls may be missed or seen twice.
  template <class F>
  std::size_t some(std::size_t place, F&& f) const {
    std::size_t seen = 0;
    for (; place < devices_.bucket_count() && seen < 256; ++place) {
      for (auto it = devices_.begin(place); it != devices_.end(place); ++it, ++seen) {
        f(static_cast<const Device&>(*it->second));
      }
    }
    return place < devices_.bucket_count() ? place : 0;
  }
  // Null: there is none.
  Device* find(std::string_view client_id) const;
  // False: there is none.
  bool kick(std::string_view client_id);

  // ---- for its devices ----
  const SettingsPtr& settings() const { return settings_; }
  std::int64_t now_ms() const { return common.host.clock().mono_ms(); }
  void transmit(const PeerView& to, std::uint32_t via, const Head& head, std::string_view data,
                std::uint8_t radius = 0);
  // After each call into a device's machine: the device may be gone after it.
  void settle(Device& device);
  // The broker stops: a sleeper is not told, and is gone from here when its store keeps it, to be
  // there again with the next run. False: it does not.
  bool leave_asleep(Device& device);
  // Device::remind() at the next turn.
  void remind(const std::string& client_id) { reminders_.push_back(client_id); }

  Common& common;
  const std::uint32_t index;
  Counters counters;
  Tally tally;  // of its devices
  keel::Wheel<Device> wheel;
  keel::Timer timer;
  Keeper keeper;

 private:
  struct Route {
    std::uint32_t home = 0, serial = 0;
    keel::ProofPtr proof;
  };
  // Devices by where they are.
  struct Hash : PeerTableHash {
    using PeerTableHash::operator();
    std::size_t operator()(const Device* device) const { return of(device->link.peer.view()); }
  };
  struct Same {
    using is_transparent = void;
    static PeerView view(const Device* device) { return device->link.peer.view(); }
    static PeerView view(const PeerView& peer) { return peer; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return same(view(a), view(b));
    }
  };
  using Routes = std::unordered_map<Peer, Route, PeerTableHash, PeerTableSame>;

  // arrivals.cpp
  void arrive(Arrival& arrival, const Packet& packet);
  void greet_homecomer(const PeerView& peer);
  void stranger(const Arrival& arrival, const Packet& packet);
  void answer_search(const Arrival& arrival);
  void publish_without_session(const Arrival& arrival, const Packet& packet);
  void tell_to_connect(const Arrival& arrival);
  void handle(const Letter& letter);
  void came_home(const Letter& letter, std::uint32_t from);
  void take_route(Letter& letter, std::uint32_t from);
  void drop_route(const PeerView& peer, std::uint32_t serial);
  std::uint32_t make_route(const PeerView& peer, std::uint32_t home, keel::ProofPtr proof);
  void forward(const Arrival& arrival, std::uint32_t home, bool routed, bool with_proof);
  bool post(std::uint32_t to, Letter letter);

  // connect.cpp
  void connect(Arrival& arrival, Packet packet);
  bool go_home(Arrival& arrival, std::uint32_t home);
  void welcome(const Arrival& arrival, const Packet& packet);
  bool may_come();
  void complain(const char* limit);
  void rebind(const Arrival& arrival, const Packet& packet);
  void refuse(const Arrival& arrival, ReturnCode code);
  std::string generate_id();

  Device* at(const PeerView& peer) const;
  Device& make(std::string client_id);
  void link(Device& device, const Arrival& arrival);
  void unlink(Device& device);
  void part(Device& device);
  void count(Device& device, bool live);
  void remove(Device& device);
  void let_knock(Device& device);
  void expect(Device& device, const SavedDevice& saved, const Listener* listener);
  void link_as_saved(Device& device, const SavedDevice& saved, const Listener* listener);
  void left();
  bool all_away() const { return devices_.size() == away_.size(); }

  SettingsPtr settings_;
  std::unordered_map<std::string_view, std::unique_ptr<Device>> devices_;  // by client id
  std::unordered_set<Device*, Hash, Same> peers_;                          // those that are linked
  Routes routes_;                                                          // to other shards
  std::uint32_t last_serial_ = 0;
  std::list<Device*> away_;                        // the first has been away the longest
  std::vector<std::unique_ptr<Mailbox>> inboxes_;  // by sender
  keel::AnswerLimit disconnects_, gwinfos_;
  std::int64_t connect_second_ = 0;
  std::uint32_t connects_ = 0;          // of new clients, in that second
  std::int64_t quiet_until_ms_ = 0;     // about limits that are reached
  std::vector<std::string> reminders_;  // client ids
  std::int64_t knocking_ = 0;           // clients of an earlier run
  std::random_device random_;
  Nobody nobody_;
  bool leaving_ = false;
  std::int64_t leave_by_ms_ = 0;
  std::shared_ptr<keel::DrainDone> done_;
};

}  // namespace sn
