// A plugin's UDP bind: one socket, or one on each shard. Shards find it by its handle and use their
// own end of it; the control thread keeps it. It is freed after a grace period. [control] except
// where marked.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "kernel/base/address.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/plugin_tls.hpp"
#include "kernel/plugin/udp_end.hpp"

namespace keel::kernel {

// What udp.bind asks for.
struct UdpWish {
  BindAddress address;
  UdpOptions socket;
  std::optional<PluginTls> tls;  // none: plain UDP
  std::uint32_t max_sessions = 10'000, idle_timeout_s = 24 * 3'600;
  std::uint32_t shard = 0;
  bool per_shard = false;
};

// Opens a bind, or takes over the one that the version being upgraded has at this address.
keel_status open_plugin_udp(Slot& slot, UdpWish wish, const UdpOwner& owner, keel_handle* out);

class PluginUdp final : public HostObject {
 public:
  PluginUdp(Slot& slot, UdpWish wish, const UdpOwner& owner);
  ~PluginUdp() override;
  // Opens the sockets; nothing is read before begin(). The error names cause and remedy.
  Result<void> open();

  void begin() override;
  void revoke() override { close(); }
  bool park() override;

  bool is_at(const BindAddress& address) const;
  // Why a parked one cannot serve `wish`; null: it can.
  const char* differs(const UdpWish& wish) const;
  // While it is parked: the next version's. An error changes nothing.
  Result<void> hand_over(UdpWish wish, const UdpOwner& owner);
  Result<void> reload_tls();
  // Whether it was no member yet.
  Result<bool> join(const Endpoint& group, std::uint32_t interface_index);
  void close();  // waits for the shards

  // This shard's socket; null: it has none, or this is no shard. [any]
  UdpEnd* here() const;
  const keel_addr& local() const { return local_; }  // [any]
  keel_udp_stats stats() const;                      // [any]
  // From now on the handle is answered as stale. False: it was already. [any]
  bool let_go() { return !gone_.exchange(true, std::memory_order_acq_rel); }
  // Between two versions it is not the slot's to drop. [control]
  bool parked() const { return parked_; }
  bool gone() const { return gone_.load(std::memory_order_acquire); }

 private:
  using Ends = std::vector<std::shared_ptr<UdpEnd>>;
  using Askable = std::vector<std::weak_ptr<UdpEnd>>;

  Result<std::shared_ptr<TlsContext>> load_tls(const UdpWish& wish, const UdpOwner& owner) const;
  template <class Fn>
  void on_shards(const Fn& fn) const;

  UdpWish wish_;
  UdpOwner owner_;
  BindAddress bound_;
  keel_addr local_{};
  Ends ends_;                         // by shard; null where there is no socket
  std::shared_ptr<Askable> askable_;  // the same, for TLS contexts that may outlive this
  std::atomic<bool> gone_{false};
  bool parked_ = false;
};

}  // namespace keel::kernel
