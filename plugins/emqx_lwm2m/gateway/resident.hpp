// One registered device in the room of its home shard: its machine, and what ties it to the broker
// (a membership) and to where it is (a place). After each call into the machine the room settles
// what came of it, which may be the resident's end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_lwm2m/device/device.hpp"
#include "emqx_lwm2m/gateway/membership.hpp"
#include "emqx_lwm2m/gateway/operation.hpp"
#include "emqx_lwm2m/gateway/party.hpp"

namespace lwm2m {

class ShardRoom;
struct SavedResident;

class Resident final : public Party, public DeviceOutside, public Membership::Owner {
 public:
  // Of a newcomer that was let in. `peer` has answered its Register.
  Resident(ShardRoom& room, Place at, keel::ProofPtr proven, std::unique_ptr<Membership> membership,
           std::unique_ptr<coap::Peer> peer, Registration registration, std::string location);
  // As an earlier version, or run, left it; without its place.
  Resident(ShardRoom& room, const SavedResident& saved);
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;
  ~Resident() override;

  const Device& device() const { return device_; }
  coap::Peer& peer() { return device_.peer(); }
  const std::string& endpoint() const { return endpoint_; }
  const keel::Session& session() const { return membership_->session(); }
  bool is_member() const { return membership_->is_open(); }
  // The broker has ended its session, because a newcomer has asked for another one.
  bool is_orphan() const { return orphan_; }
  // Its registration is over.
  bool is_over() const { return over_; }
  // Since when it has had the session it has, here: in an earlier version does not count.
  std::int64_t since_ms() const { return since_ms_; }
  void save(SavedResident& out) const;

  void on_datagram(std::string_view datagram) override;
  void on_time() override;
  Resident* resident() override { return this; }
  // An Update came from another place, where it is from now on; on_datagram() follows.
  void moved() { device_.moved(); }
  // It was let in again, with what is null as it was.
  void registered_again(Registration registration, std::string location,
                        std::unique_ptr<coap::Peer> peer);
  // The broker's side from now on; the one before ends.
  void join(std::unique_ptr<Membership> membership);
  // See Device::end(). It has no session any more then.
  void end(Refusal why, std::optional<Event> event);
  // The same because the broker does not want it: others say its last words.
  void expel();
  // The room's settings are others than those `before`.
  void use(const GatewaySettings& before);
  // An operator's command; see Gateway::operate().
  void operate(std::string_view json, OperationDone done);

  // DeviceOutside
  std::int64_t now_ms() const override;
  double unix_s() const override;
  std::uint32_t random() override;
  void send(std::string_view datagram) override;
  void wake_at(std::int64_t when_ms) override;
  void publish(Topic topic, std::string payload) override;
  void answered(std::uint32_t ticket, std::string payload) override;
  void changed() override;
  void over() override;

  // Membership::Owner
  void admitted() override;
  void refused(std::uint8_t reason) override;
  void delivered(const keel::Delivery& delivery) override;
  void ended(std::uint8_t reason) override;

  bool marked = false;  // the room's: its state will be handed to the journal

 private:
  // What only few have.
  struct Rare {
    std::vector<std::pair<Topic, std::string>> unsaid;  // until there is a session
    std::size_t unsaid_octets = 0;
    std::map<std::uint32_t, OperationDone> operations;  // by ticket
    std::uint32_t last_ticket = 0;
  };

  static void register_hook(void* self, Device& device, const coap::Incoming& request);
  void register_again(const coap::Incoming& request);
  void knock();
  void say_later(Topic topic, std::string payload);
  void say_what_waited();
  Rare& rare();

  ShardRoom& room_;
  std::string endpoint_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<Rare> rare_;
  std::int64_t wake_ms_ = 0;  // the machine's order
  bool over_ = false, orphan_ = false;
  std::int64_t since_ms_ = 0;
  Device device_;  // the last: it gives orders in its constructor
};

}  // namespace lwm2m
