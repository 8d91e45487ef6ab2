// A peer that registers: puts its Register together, remembers its answer, asks the broker for a
// session, and becomes a resident when it is let in. Lives shortly: as long as blocks are coming,
// else a few seconds. [its shard]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "emqx_lwm2m/coap/peer.hpp"
#include "emqx_lwm2m/device/registration.hpp"
#include "emqx_lwm2m/gateway/membership.hpp"
#include "emqx_lwm2m/gateway/party.hpp"

namespace lwm2m {

class ShardRoom;

class Newcomer final : public Party, public coap::Outside, public Membership::Owner {
 public:
  explicit Newcomer(ShardRoom& room);
  Newcomer(const Newcomer&) = delete;
  Newcomer& operator=(const Newcomer&) = delete;
  ~Newcomer() override;

  void on_datagram(std::string_view datagram) override;
  void on_time() override;
  const std::string& endpoint() const { return registration_.endpoint; }
  // Answers its Register with what the broker has decided.
  void welcome(std::string_view location);
  // What it has brought, for the resident; it is of no more use then.
  struct Luggage {
    std::unique_ptr<coap::Peer> peer;
    std::unique_ptr<Membership> membership;
    Registration registration;
    bool has_place;  // see ShardRoom::take_place()
  };
  Luggage luggage();

  // coap::Outside
  std::int64_t now_ms() const override;
  std::uint32_t random() override;
  void send(std::string_view datagram) override;
  void wake_at(std::int64_t when_ms) override;
  void responded(coap::RequestId, const coap::Response&) override {}
  void failed(coap::RequestId, coap::Failure) override {}
  void notified(const coap::Response&) override {}
  std::optional<coap::Request> observed(std::string_view) override { return std::nullopt; }
  void requested(const coap::Incoming& request) override;

  // Membership::Owner
  void admitted() override;
  void refused(std::uint8_t reason) override;
  void delivered(const keel::Delivery& delivery) override;
  void ended(std::uint8_t reason) override;

  std::size_t crowd = 0;  // the room's: which host's newcomers it is counted among

 private:
  void registers(const coap::Incoming& request);
  void ask_broker();
  bool may_be(const Registration& registration, std::string& why) const;
  void refuse(coap::Code code);
  void stop_asking();
  void leave_place();
  void stay(std::int64_t ms);
  void order_wake();
  bool begins_assembly(std::string_view datagram);

  ShardRoom& room_;
  std::unique_ptr<coap::Peer> peer_;
  std::unique_ptr<Membership> membership_;  // while it is asked for
  Registration registration_;
  std::uint32_t ticket_ = 0;  // of the Register that waits for its answer
  std::int64_t peer_wake_ms_ = 0, until_ms_ = 0;
  bool assembling_ = false, has_place_ = false;
};

}  // namespace lwm2m
