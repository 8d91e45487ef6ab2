// Making the gateway known [MQTT-SN 6.1]: ADVERTISE from each plain listener, at the start and
// every period; and joining the group that SEARCHGW may be sent to.
#pragma once

#include <keel/host.hpp>
#include <memory>
#include <string>
#include <vector>

#include "emqx_sn/counters.hpp"
#include "emqx_sn/listener.hpp"

namespace sn {

// An IPv4 address of this machine, and how to reach all that are on its network.
struct Interface {
  keel::Address address, broadcast;
};
// Those of interfaces that are up and can broadcast, as they are now. Asks the system. [control]
std::vector<Interface> broadcast_interfaces();

// Where a socket bound to `local` sends ADVERTISE to. No I/O; any thread.
std::vector<keel::Address> destinations(const DiscoverySettings& settings,
                                        const keel::Address& local,
                                        const std::vector<Interface>& interfaces);

// Why that is nowhere although it should be somewhere; empty: there is nothing to say.
std::string why_nowhere(const DiscoverySettings& settings, const keel::Address& local);

// Sends from shard 0; all else is [control]. Lives as long as the plugin.
class Advertiser {
 public:
  explicit Advertiser(keel::Host& host) : host_(host) {}

  // From now on like this; `counters` are those of shard 0.
  keel::Status start(const GatewaySettings& settings, std::vector<const Listener*> listeners,
                     Counters& counters);
  void stop();

 private:
  struct Letter {
    keel_handle socket;
    keel::Address to;
    friend bool operator==(const Letter&, const Letter&) = default;
  };

  void turn();
  void join(const Listener& listener);
  void send(std::uint8_t gateway_id, std::uint16_t duration_s, const std::vector<Letter>& letters,
            Counters& counters);  // [shard 0]

  keel::Host& host_;
  DiscoverySettings settings_;
  std::uint8_t gateway_id_ = 0;
  std::vector<const Listener*> listeners_;  // none: stopped
  Counters* counters_ = nullptr;
  keel::Timer timer_;
  bool first_ = true;                       // of the turns since start()
  std::vector<Letter> joined_;              // sockets and groups
  std::vector<keel::Address> unreachable_;  // where sending failed last time [shard 0]
};

}  // namespace sn
