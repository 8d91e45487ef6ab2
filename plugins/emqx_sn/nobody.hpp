// The one client of the broker in whose name peers without a session publish (QoS -1): logged in
// like any other, and asked like any other whether it may. Connects with the first message and
// again, when that failed, after a while. [the home shard of its id]
#pragma once

#include <cstdint>
#include <deque>
#include <keel/host.hpp>
#include <string>
#include <string_view>

#include "emqx_sn/peer.hpp"

namespace sn {

struct Common;
struct Counters;
struct GatewaySettings;

class Nobody final : public keel::SessionHandler {
 public:
  static constexpr std::string_view kClientId = "NegQoS-Client";

  Nobody(Common& common, Counters& counters) : common_(common), counters_(counters) {}

  void publish(const GatewaySettings& settings, const Listener& listener, std::string_view topic,
               std::string_view payload, bool retain);
  // Other settings: the next message connects anew.
  void leave();

  void opened(std::uint8_t reason, bool present) override;
  void deliver(const keel::Delivery&) override {}
  void session_closed(std::uint8_t reason, std::string_view word) override;

 private:
  struct Waiting {
    std::string topic, payload;
    bool retain;
  };
  static constexpr std::size_t kMostWaiting = 256, kMostBytes = 1 << 20;
  static constexpr std::int64_t kAgainMs = 5'000;

  bool connect(const GatewaySettings& settings, const Listener& listener);
  void give_up();
  void count(bool published, std::size_t n = 1);
  bool pass(std::string_view topic, std::string_view payload, bool retain);

  Common& common_;
  Counters& counters_;
  keel::Session session_;
  bool open_ = false;
  std::int64_t not_before_ms_ = 0;
  std::deque<Waiting> waiting_;  // for the answer to its CONNECT
  std::size_t waiting_bytes_ = 0;
};

}  // namespace sn
