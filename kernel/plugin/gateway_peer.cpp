#include "kernel/plugin/gateway_peer.hpp"

namespace keel::kernel {

std::shared_ptr<const ListenerInfo> GatewayListeners::get(std::string_view name,
                                                          std::string_view protocol,
                                                          bool loopback_only,
                                                          bool watches_clients) {
  const std::lock_guard lock(mutex_);
  Key key{std::string(name), std::string(protocol), loopback_only, watches_clients};
  if (const auto found = known_.find(key); found != known_.end())
    if (auto there = found->second.lock()) return there;
  std::erase_if(known_, [](const auto& each) { return each.second.expired(); });
  auto info = std::make_shared<ListenerInfo>();
  info->settings.name = name;
  info->protocol = protocol;
  info->loopback_only = loopback_only;
  info->watches_clients = watches_clients;
  known_.emplace(std::move(key), info);
  return info;
}

}  // namespace keel::kernel
