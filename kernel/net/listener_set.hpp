// All listeners: those of the settings, which are started, stopped and reloaded here with their
// certificates, and those that plugins add.
// Belongs to the control thread and must go before the shards it accepts for; [control].
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/net/extra_listeners.hpp"
#include "kernel/net/file_watch.hpp"
#include "kernel/net/listener.hpp"
#include "kernel/net/listener_status.hpp"

namespace keel::kernel {

class ListenerSet {
 public:
  ListenerSet(ShardSet& shards, HandlerFactory factory);
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;
  ~ListenerSet();

  // Makes the listeners those of `settings`: new ones start, removed ones close, those with another
  // address move, the others get their new options. Clients stay connected. Settings that cannot
  // work (a bad address, certificate or section) change nothing; an address that cannot be bound
  // leaves that listener as it was, and the others go on.
  Result<void> apply(const Settings& settings);

  Result<void> start(std::string_view name);
  Result<void> stop(std::string_view name);
  Result<void> restart(std::string_view name);
  void stop_all();  // no new clients; the connected ones stay

  // Reads all certificates, keys and lists again, for new connections. A section with a bad file
  // keeps what it has.
  Result<void> reload_tls();

  std::vector<ListenerStatus> list() const;
  // Those of plugins: listed, reloaded and stopped with the others.
  ExtraListeners& extra() { return extra_; }

  // Where a running listener is bound, port 0 resolved.
  std::optional<BindAddress> bound(std::string_view name) const;

  // The watch over the TLS files: when the descriptor is readable, call the other.
  int watch_fd() const { return watch_.fd(); }
  void on_watch_readable() { watch_.on_readable(); }

 private:
  using TlsMap = std::map<std::string, std::shared_ptr<TlsContext>>;
  using Plan = std::vector<Listener::Options>;

  Result<Plan> plan(const Settings& settings) const;
  Result<Listener::Options> plan_one(const ListenerSettings& listener, const Settings& settings,
                                     TlsMap& loaded) const;
  Result<void> carry_out(Listener::Options options);
  void watch_files();
  Listener* find(std::string_view name) const;
  Result<Listener*> require(std::string_view name) const;

  ShardSet& shards_;
  std::shared_ptr<const HandlerFactory> factory_;
  std::shared_ptr<Admission> admission_;
  std::vector<std::unique_ptr<Listener>> listeners_;  // in the settings' order
  ExtraListeners extra_;
  std::map<std::string, TlsSettings> tls_settings_;
  FileWatch watch_;
};

}  // namespace keel::kernel
