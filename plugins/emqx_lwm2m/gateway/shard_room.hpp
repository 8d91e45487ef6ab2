// The gateway on one shard: the devices whose home it is, those that are about to register, who is
// known of the peers whose datagrams arrive here, and what goes to and comes from other shards.
// [its shard]
//
// A device lives on the home shard of its endpoint; its datagrams arrive where the kernel puts its
// address. When the two differ, the shard of arrival has a route for the peer and sends letters
// home. Only a Register makes a route, or the home shard that accepts a device's new address. Each
// gives the route another serial, so that a `gone` that crosses it does no harm.
//
// An Update names its device by the location, whose home is the same shard: that is how locations
// are drawn. Where it is another one, because the shards are not as many as in an earlier run, the
// room of the location knows the way.
#pragma once

#include <deque>
#include <keel/answer_limit.hpp>
#include <keel/plugin_base.hpp>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "emqx_lwm2m/coap/counters.hpp"
#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/device/counters.hpp"
#include "emqx_lwm2m/gateway/common.hpp"
#include "emqx_lwm2m/gateway/counters.hpp"
#include "emqx_lwm2m/gateway/farewells.hpp"
#include "emqx_lwm2m/gateway/letter.hpp"
#include "emqx_lwm2m/gateway/newcomer.hpp"
#include "emqx_lwm2m/gateway/pairing.hpp"
#include "emqx_lwm2m/gateway/resident.hpp"
#include "emqx_lwm2m/gateway/stand_in.hpp"
#include "emqx_lwm2m/gateway/stranger.hpp"

namespace lwm2m {

struct Handover;
struct SavedResident;

// A datagram that came in.
struct Arrival {
  Peer peer;
  std::uint32_t via = 0;     // the shard it arrived on
  std::uint32_t serial = 0;  // of the route it took; 0: none
  keel::Verified verified{nullptr};
  std::string_view bytes;
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
  // Their listener is closed.
  void part_all(const Listener& listener);
  // Nothing comes in any more. Unless all are kept as they are for the next run they end here, and
  // what waits is answered with "shutdown". Lets go of `done` when that is done and handed in.
  void leave(bool keep, std::shared_ptr<void> done);
  // A device of the old version. [control, before anything runs]
  // `listener` null: where it was is closed now.
  void adopt(const SavedResident& saved, const Listener* listener);
  // What such a one was answered just before.
  void recall(std::string_view endpoint, std::string_view answered);
  // Devices of an earlier run.
  void restore(const std::vector<SavedResident>& saved, const Listeners& listeners);
  // What is on its way to an answer, and the stand-in if this is its home; the room is not used any
  // more. [control, when nothing runs]
  void save(Handover& out);
  // The old version's, see Handover. [control, before anything runs]
  void adopt(const Pairing::Saved& pairing) { pairing_.load(pairing, common.host, now_ms()); }
  void adopt_stand_in(keel_handle session, const StandIn::Unsaid& unsaid) {
    stand_in_.attach(session, unsaid);
  }
  // The journal may know one that the old version had not any more.
  void forget_unless_there(const std::string& endpoint);
  // From now on datagrams are looked at; those that came before are, now.
  void open_doors();

  template <class F>  // f(const Resident&)
  void each(F&& f) const {
    for (const auto& [endpoint, resident] : residents_) f(static_cast<const Resident&>(*resident));
  }
  // The same with a few hundred of them, from `place` on (0: the first). Answers where to go on, 0:
  // those were the last. What comes or goes between two calls may be missed or seen twice.
  template <class F>
  std::size_t some(std::size_t place, F&& f) const {
    std::size_t seen = 0;
    for (; place < residents_.bucket_count() && seen < 256; ++place) {
      for (auto it = residents_.begin(place); it != residents_.end(place); ++it, ++seen) {
        f(static_cast<const Resident&>(*it->second));
      }
    }
    return place < residents_.bucket_count() ? place : 0;
  }
  // Null: it is not registered.
  Resident* find(std::string_view endpoint) const;
  // See Gateway.
  void operate(std::string_view endpoint, std::string_view json, OperationDone done);
  bool deregister(std::string_view endpoint);

  // ---- for its parties ----
  const SettingsPtr& settings() const { return settings_; }
  const std::shared_ptr<const coap::PeerSettings>& newcomer_coap() const { return newcomer_coap_; }
  bool is_leaving() const { return leaving_; }
  std::int64_t now_ms() const { return common.host.clock().mono_ms(); }
  std::uint32_t random() { return random_(); }
  void transmit(const Place& to, std::string_view datagram);
  // After each call into a resident's machine: it may be gone after it.
  void settle(Resident& resident);
  // With this datagram a resident has left.
  void note_farewell(const Peer& peer, std::string_view datagram);
  // The broker does not want it any more. It is gone afterwards.
  void expel(Resident& resident, std::uint8_t reason);
  // What the journal knows of it is not true any more.
  void mark(Resident& resident);
  // A new one for a device whose home is here.
  std::string draw_location();
  void name(Resident& resident);    // its location counts from now on ...
  void unname(Resident& resident);  // ... and not any more
  // For one more device; false: there is none now.
  bool take_place();
  void give_place_back();
  // The broker has let it in. It is gone afterwards, and its resident is there.
  void let_in(Newcomer& newcomer);
  // It is gone afterwards.
  void dismiss(Newcomer& newcomer);
  // A newcomer asks the broker for the session of an endpoint, or does not any more.
  void opening(const std::string& endpoint, bool begins);
  bool is_opening(const std::string& endpoint) const { return opening_.contains(endpoint); }
  // Publishes in the name of the gateway.
  void say(std::string_view topic, std::string_view payload);
  // A device has taken a command.
  void note_taken(const keel::Message& command);
  // A command for any endpoint: it is answered if none of that name is registered.
  void inquire(std::string_view endpoint, const keel::Message& command);

  static constexpr std::uint32_t kMostAssembling = 256;  // newcomers that come in pieces

  Common& common;
  const std::uint32_t index;
  coap::Counters coap_counters;
  DeviceCounters device_counters;
  GatewayCounters counters;
  keel::Wheel<Party> wheel;
  std::uint32_t assembling = 0;  // newcomers that come in pieces
  keel::Timer timer;

 private:
  struct Route {
    std::uint32_t home = 0, serial = 0;
    keel::ProofPtr proof;
  };
  struct Held {
    Peer peer;
    keel::ProofPtr proof;
    std::string bytes;
  };
  struct Hash {
    using is_transparent = void;
    PeerHash of;
    std::size_t operator()(const Party* party) const { return of(party->place.peer); }
    std::size_t operator()(const Peer& peer) const { return of(peer); }
  };
  struct Same {
    using is_transparent = void;
    static const Peer& peer(const Party* party) { return party->place.peer; }
    static const Peer& peer(const Peer& one) { return one; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return peer(a) == peer(b);
    }
  };
  struct TextHash {
    std::uint64_t secret;
    std::size_t operator()(std::string_view text) const {
      return keel::SecretHash(secret).add(text).value();
    }
  };
  template <class T>
  using ByText = std::unordered_map<std::string_view, T, TextHash>;

  // arrivals.cpp
  void hold(const Arrival& arrival);
  void arrive(Arrival& arrival);
  bool greet(Arrival& arrival);
  void about_registration(Arrival& arrival, const coap::Message& message, const Asked& asked);
  void stranger(Arrival& arrival);
  void answer(const Arrival& arrival, const coap::Message& message, coap::Code code);
  void reset(const Arrival& arrival, std::uint16_t message_id);
  void transmit_answer(const Arrival& arrival);
  void located(Arrival& arrival, const coap::Message& message, std::string_view location,
               bool forwarded);
  void rebind(Arrival& arrival, const coap::Message& message, Resident& resident);
  std::size_t hash_of(const Peer& peer, std::string_view datagram) const;

  // mail.cpp
  void forward(Letter::Kind kind, const Arrival& arrival, std::uint32_t to);
  bool post(std::uint32_t to, Letter letter, std::string_view bytes = {});
  void handle(Letter& letter, std::string_view bytes, std::uint32_t from);
  void came_home(Letter& letter, std::string_view bytes, std::uint32_t from);
  void take_route(Letter& letter, std::string_view bytes, std::uint32_t from);
  std::uint32_t make_route(const Peer& peer, std::uint32_t home, keel::ProofPtr proof);
  void drop_route(const Peer& peer, std::uint32_t serial);

  // welcome.cpp
  void registers(Arrival& arrival, const coap::Message& message, std::string_view endpoint);
  void welcome(Arrival& arrival, const coap::Message& message, std::string_view endpoint);
  bool within_rate();
  void add_place();
  bool has_room_for_newcomer(const keel::Address& from);
  void turn_away(const Arrival& arrival, const coap::Message& message);
  void complain(const char* limit);

  Party* at(const Peer& peer) const;
  Resident& settle_down(std::unique_ptr<Resident> made);
  void remove(Resident& resident);
  void link(Party& party, const Arrival& arrival);
  void unlink(Party& party);
  void part(Party& party);
  std::size_t key_of(const keel::Message& command) const;
  void answer_untaken();
  void look_for(std::string_view endpoint, const keel::Message& command);
  void answer_absent(std::string_view endpoint, const keel::Message& command);
  void prepare_newcomers();
  void dismiss_all();
  void put_in_place(Resident& resident, const SavedResident& saved, const Listener* listener);
  void hand_in(std::size_t most);
  void note(const Resident& resident, bool with_commands);
  void leave_some(std::shared_ptr<void> done);

  SettingsPtr settings_;
  std::shared_ptr<const coap::PeerSettings> newcomer_coap_;
  ByText<std::unique_ptr<Resident>> residents_;  // by endpoint
  ByText<Resident*> locations_;
  std::unordered_map<std::string, std::uint32_t> far_locations_;  // of devices of another shard
  std::unordered_map<Newcomer*, std::unique_ptr<Newcomer>> newcomers_;
  std::unordered_map<std::string, std::uint32_t> opening_;
  std::unordered_set<Party*, Hash, Same> peers_;          // those that are linked
  std::unordered_map<Peer, Route, PeerHash> routes_;      // to other shards
  std::vector<std::unique_ptr<Letters>> inboxes_;         // by sender
  std::unordered_map<std::size_t, std::uint32_t> crowd_;  // newcomers by the hash of their host
  std::deque<std::string> marked_;  // endpoints whose state the journal shall have
  std::vector<Change> changes_;     // to be handed in
  std::uint32_t last_serial_ = 0;
  keel::AnswerLimit answers_;
  Farewells farewells_;
  std::int64_t register_second_ = 0;
  std::uint32_t registers_ = 0;      // of new devices, in that second
  std::int64_t quiet_until_ms_ = 0;  // about limits that are reached
  std::random_device random_;
  Pairing pairing_;
  StandIn stand_in_;
  std::string scratch_;  // a datagram being written
  std::vector<Held> held_;
  std::size_t held_octets_ = 0;
  std::size_t restored_ = 0;
  bool doors_open_ = false, leaving_ = false;
};

}  // namespace lwm2m
