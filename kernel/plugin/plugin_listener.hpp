// A listener of a plugin's: one of kernel/net's extra listeners, whose links become
// PluginConnections. [control]
#pragma once

#include "kernel/base/address.hpp"
#include "kernel/net/extra_listeners.hpp"
#include "kernel/plugin/connection_end.hpp"
#include "kernel/plugin/host_object.hpp"

namespace keel::kernel {

// Opens a listener, or takes over the one that the version being upgraded has at this address.
keel_status open_plugin_listener(Slot& slot, const keel_tcp_listen_options& options,
                                 const ListenerCallbacks& callbacks, keel_handle* out);

class PluginListener final : public HostObject {
 public:
  PluginListener(Slot& slot, ListenerId id, ExtraListener plan, BindAddress asked,
                 std::shared_ptr<ListenerCore> core);

  void begin() override;
  void revoke() override { close(); }
  bool park() override;

  // Whether `address` is where it listens, as it was asked for or as it became.
  bool is_at(const BindAddress& address) const;
  // While it is parked: the same socket as another version wants it.
  Result<void> change(ExtraListener plan);
  // While it is parked: frees its name for a listener at another address.
  Result<void> step_aside();
  // For whom its links are from now on; they wait until begin().
  void assign(Slot& slot, const ListenerCallbacks& callbacks);
  void close();  // links that are not open yet are closed, the others stay
  bool closed() const { return closed_; }
  // Between two versions it is not the slot's to drop.
  bool parked() const { return parked_; }

  const std::string& name() const { return plan_.settings.name; }
  const std::shared_ptr<ListenerCore>& core() const { return core_; }
  const keel_addr& local() const { return local_; }  // [any]

 private:
  void on_shards(void (*fn)(ListenerCore& core, std::uint32_t shard));

  const ListenerId id_;
  ExtraListener plan_;
  const BindAddress asked_, bound_;
  const std::shared_ptr<ListenerCore> core_;
  const keel_addr local_;
  bool parked_ = false, closed_ = false;
};

}  // namespace keel::kernel
