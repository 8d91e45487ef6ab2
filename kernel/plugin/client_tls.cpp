#include "kernel/plugin/client_tls.hpp"

#include <algorithm>

namespace keel::kernel {

std::shared_ptr<TlsContext> ClientTls::find(const PluginTls& tls) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const Entry& e) { return Clock::now() - e.since > kFresh; });
  const auto found = std::ranges::find_if(entries_, [&](const Entry& e) {
    return e.check_server == tls.check_server && e.settings == tls.settings;
  });
  return found != entries_.end() ? found->context : nullptr;
}

void ClientTls::keep(const PluginTls& tls, std::shared_ptr<TlsContext> context) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() == kMost) entries_.erase(entries_.begin());
  entries_.push_back({tls.settings, tls.check_server, std::move(context), Clock::now()});
}

}  // namespace keel::kernel
