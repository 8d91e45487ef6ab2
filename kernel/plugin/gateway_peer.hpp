// Who a client of a plugin's stream or session is, as the broker's connections and hooks see it.
// The ListenerInfo of a gateway is shared by all its clients.
#pragma once

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

 private:
  using Key = std::tuple<std::string, std::string, bool, bool>;
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<const ListenerInfo>> known_;
};

}  // namespace keel::kernel
