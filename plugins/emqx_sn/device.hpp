// One client of the gateway: its machine, and what ties it to the broker (a session) and to where
// it is (a link). Lives on the home shard of its client id; the room of that shard owns it. After
// each call into the machine the room settles what came of it, which may be the device's end.
#pragma once

#include <keel/proof.hpp>
#include <keel/session.hpp>
#include <keel/wheel.hpp>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "emqx_sn/client.hpp"
#include "emqx_sn/keeper.hpp"
#include "emqx_sn/peer.hpp"
#include "emqx_sn/tally.hpp"

namespace sn {

class ShardRoom;
struct SavedDevice;

class Device final : public Outside, public keel::SessionHandler, public keel::WheelItem {
 public:
  Device(ShardRoom& room, std::string client_id);
  // As the old version left it, or an earlier run of the broker; without its link. `origin`: where
  // it was. [control, before anything runs]
  Device(ShardRoom& room, const SavedDevice& saved, Peer origin);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  Client& client() { return client_; }
  const Client& client() const { return client_; }
  const std::string& id() const { return client_.client_id(); }
  const keel::Session& session() const { return session_; }
  bool away() const { return client_.state() == Client::State::away; }
  bool asleep() const {
    return client_.state() == Client::State::asleep || client_.state() == Client::State::awake;
  }
  bool forgotten() const { return forgotten_; }
  // It is connected, but the broker has not opened its session again. Until then its machine stands
  // still: on_time() asks for the session.
  bool returning() const { return return_ != nullptr; }
  void save(SavedDevice& out) const;

  // Its own packet, from where it is; and what that was decoded from.
  void on_packet(const Packet& packet, std::string_view octets);
  // Ends it: the client hears DISCONNECT if it is linked.
  void end(std::uint8_t reason);
  // The same without a word to it.
  void displace();
  void on_time();
  // Tells the machine what it could not be told from within.
  void remind();

  std::int64_t now_ms() const override;
  void send(const Head& head, std::string_view data) override;
  void wake_at(std::int64_t when_ms) override;
  void open(bool clean, std::uint16_t keep_alive_s, const WillView* will) override;
  bool publish(std::string_view topic, std::string_view payload, std::uint8_t qos, bool retain,
               std::uint64_t token) override;
  bool subscribe(std::string_view filter, std::uint8_t qos, std::uint64_t token) override;
  bool unsubscribe(std::string_view filter, std::uint64_t token) override;
  bool set_will(const WillView* will, std::uint64_t token) override;
  void received(std::uint32_t delivery) override;
  void ack(std::uint32_t delivery, std::uint8_t reason) override;
  void suspend() override;
  void resume() override;
  void poll() override;
  void close(std::uint8_t reason) override;
  void forget() override { forgotten_ = true; }

  void opened(std::uint8_t reason, bool present) override;
  void deliver(const keel::Delivery& delivery) override;
  void suback(std::uint64_t token, std::span<const std::uint8_t> codes) override;
  void published(std::uint64_t token, std::uint8_t reason) override;
  void polled() override;
  void session_closed(std::uint8_t reason, std::string_view word) override;

  // The room's.
  Place link;              // null peer: nobody knows where it is
  keel::ProofPtr proof;    // of the peer, when it said CONNECT
  bool generated = false;  // the client has no id of its own
  bool counted = false;    // among those that are not away
  bool on_away_list = false;
  Tally::Place tallied;  // in the room's tally
  KeptMark kept;         // the room's keeper's
  std::list<Device*>::iterator away_place;

 private:
  // While it is returning.
  struct Return {
    Peer origin;
    std::int64_t wake_ms = 0;  // the machine's order
    std::string packet;        // that came first meanwhile
  };

  void not_opened(std::uint8_t reason);
  void knock();
  void came_back(std::uint8_t reason, bool present);
  std::string end_return();
  void give_up_return();

  ShardRoom& room_;
  std::unique_ptr<Return> return_;
  keel::Session session_;
  bool forgotten_ = false;
  std::uint8_t refused_ = 0;  // why a session could not even be asked for; remind() tells
  bool ended_ = false;        // the session did not survive an upgrade; the same
  Client client_;             // the last: it gives orders in its constructor
};

}  // namespace sn
