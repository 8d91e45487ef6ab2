// TLS contexts for the connections that a plugin makes. Loading one reads files, the system's trust
// among them, so they are loaded on the worker pool and kept a while. [any]
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "kernel/net/tls_context.hpp"
#include "kernel/plugin/plugin_tls.hpp"

namespace keel::kernel {

class ClientTls {
 public:
  // Null: there is none, or it is so old that its files may have changed.
  std::shared_ptr<TlsContext> find(const PluginTls& tls);
  void keep(const PluginTls& tls, std::shared_ptr<TlsContext> context);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kFresh{60};
  static constexpr std::size_t kMost = 8;  // the oldest goes

  struct Entry {
    TlsSettings settings;
    bool check_server;
    std::shared_ptr<TlsContext> context;
    Clock::time_point since;
  };
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace keel::kernel
