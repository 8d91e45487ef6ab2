// Who a client of a plugin's stream or session is, as the broker's connections and hooks see it.
// The ListenerInfo of a gateway is shared by all its clients.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

#include "kernel/net/link.hpp"

namespace keel::kernel {

class GatewayListeners {
 public:
  // One for each combination, kept as long as somebody uses it. [any]
  std::shared_ptr<const ListenerInfo> get(std::string_view name, std::string_view protocol,
                                          bool loopback_only, bool watches_clients);
  // For PeerInfo::gateway_session. [any]
  std::uint32_t next_session() {
    return next_session_.fetch_add(1, std::memory_order_relaxed) & 0x7fffffff;
  }

 private:
  using Key = std::tuple<std::string, std::string, bool, bool>;
  std::atomic<std::uint32_t> next_session_{1};
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const ListenerInfo>> known_;
};

}  // namespace keel::kernel
