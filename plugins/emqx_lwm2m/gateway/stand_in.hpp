// The one client of the broker that speaks for devices that cannot: it hears the commands for all
// endpoints, and says of those for none that is registered that they are for nobody; and it says
// the last words of devices whose session the broker has ended. Logged in like any other client,
// and asked like any other whether it may. [the home shard of its id]
#pragma once

#include <cstdint>
#include <deque>
#include <keel/session.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lwm2m {

class ShardRoom;
struct GatewaySettings;
struct Handover;
struct TopicSettings;

class StandIn final : public keel::SessionHandler {
 public:
  static constexpr std::string_view kClientId = "emqx_lwm2m";

  explicit StandIn(ShardRoom& room) : room_(room) {}

  // Now and then: connects when that is due. Only in the room of its home.
  void turn();
  // Other settings: it connects anew if others than before would let it in, else it stays.
  void use(const GatewaySettings& before);
  void leave();
  // Takes over the session of the old version, and what that had no time to say. [control, before
  // anything runs]
  using Unsaid = std::vector<std::pair<std::string, std::string>>;  // topic and payload
  void attach(keel_handle session, const Unsaid& unsaid);
  void save(Handover& out) const;
  void say(std::string_view topic, std::string_view payload);

  void opened(std::uint8_t reason, bool present) override;
  void suback(std::uint64_t token, std::span<const std::uint8_t> codes) override;
  void deliver(const keel::Delivery& delivery) override;
  void session_closed(std::uint8_t reason, std::string_view word) override;

 private:
  struct Waiting {
    std::string topic, payload;
  };
  static constexpr std::size_t kMostWaiting = 1024, kMostOctets = 1 << 20;
  static constexpr std::int64_t kAgainMs = 5'000;

  bool connect();
  void subscribe(const TopicSettings& topics);
  void give_up();
  void say_later(std::string_view topic, std::string_view payload);
  void say_what_waited();
  void publish(std::string_view topic, std::string_view payload);

  ShardRoom& room_;
  keel::Session session_;
  bool open_ = false, complained_ = false;
  std::int64_t not_before_ms_ = 0;
  std::deque<Waiting> waiting_;  // for the answer to its CONNECT, or for its first turn
  std::size_t waiting_octets_ = 0;
};

}  // namespace lwm2m
