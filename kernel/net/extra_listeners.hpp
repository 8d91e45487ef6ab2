// Listeners that are not in keel.conf: those of plugins. They are Listeners like the others, with a
// handler factory of their own, count against the same limits, and can be parked: the socket stays
// open and collects connections that nobody accepts yet. Belongs to the control thread; [control].
// Part of a ListenerSet, which tells it of new settings and lists what it has.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/net/listener.hpp"
#include "kernel/net/listener_status.hpp"

namespace keel::kernel {

using ListenerId = std::uint64_t;  // never used twice; 0 is none

struct ExtraListener {
  ListenerSettings settings;         // `name` tells it apart; `tls` names a [tls.*] section
  std::optional<TlsSettings> tls;    // instead of a section
  TlsOptions tls_options;            // of the server's role
  std::string proto;                 // "mqtt:ws"
  std::string owner;                 // the plugin
  std::int64_t send_timeout_ms = 0;  // 0: limits.send_timeout
  HandlerFactory factory;
};

class ExtraListeners {
 public:
  // `changed` is called when there are other TLS files to watch.
  ExtraListeners(ShardSet& shards, std::shared_ptr<Admission> admission,
                 std::function<void()> changed);
  ExtraListeners(const ExtraListeners&) = delete;
  ExtraListeners& operator=(const ExtraListeners&) = delete;
  ~ExtraListeners();

  // Opens the socket, parked. Errors name cause and remedy.
  Result<ListenerId> add(ExtraListener listener);
  // Begins to accept, or goes on. What waited is accepted first.
  void resume(ListenerId id);
  // The socket stays open and nobody is accepted any more when it returns. Those accepted before
  // may still be on their way to their shard, where the factory is called: a barrier waits for
  // that.
  void park(ListenerId id);
  // The parked listener of this owner that was given this address or is bound to it.
  std::optional<ListenerId> parked_at(std::string_view owner, std::string_view bind) const;
  // Another version goes on with the same socket: everything else is as in `listener`, the counts
  // go on. It stays parked, or goes on accepting. An error changes nothing.
  Result<void> adopt(ListenerId id, ExtraListener listener);
  // Closes the socket; its connections stay. As with park() for those on their way.
  void remove(ListenerId id);

  // Where it is bound, port 0 resolved. Nothing for one that is not open.
  std::optional<BindAddress> bound(ListenerId id) const;
  // What its next connections are told; null for an unknown id.
  std::shared_ptr<const ListenerInfo> info(ListenerId id) const;

  // For the ListenerSet.
  Result<void> apply(const Settings& settings);  // new limits and [tls.*] sections
  Result<void> reload_tls();                     // files again; a bad one: the old context stays
  void stop_all();                               // the sockets close; ids stay valid
  void add_files(std::vector<std::string>& files) const;
  void add_status(std::vector<ListenerStatus>& all) const;
  const std::string* owner_of(std::string_view name) const;  // null: no such listener

 private:
  struct Entry {
    ExtraListener spec;
    std::unique_ptr<Listener> listener;
  };

  Entry* find(ListenerId id) const;
  const TlsSettings* tls_of(const ExtraListener& listener) const;
  Result<std::shared_ptr<TlsContext>> load_tls(const ExtraListener& listener) const;
  // Without TLS.
  Result<Listener::Options> plan(const ExtraListener& listener,
                                 std::shared_ptr<ListenerState> state) const;
  Result<void> renew(Entry& entry);

  ShardSet& shards_;
  std::shared_ptr<Admission> admission_;
  std::function<void()> changed_;
  std::map<ListenerId, std::unique_ptr<Entry>> entries_;
  ListenerId last_id_ = 0;
  std::map<std::string, TlsSettings> sections_;
  std::string default_address_ = KernelSettings{}.default_address;
  Limits limits_;
};

}  // namespace keel::kernel
