// One address the gateway listens on: a socket on every shard, plain or DTLS. Opened and closed on
// the control thread; it stays in memory as long as the plugin runs, closed or not, so that shards
// may point to it.
#pragma once

#include <atomic>
#include <keel/host.hpp>

#include "emqx_sn/settings.hpp"

namespace sn {

class Listener {
 public:
  // A datagram that came in here. [shard]
  using Receive = void (*)(void* plugin, Listener& listener, const keel::Datagram& datagram);

  Listener(ListenerSettings settings, Receive receive, void* plugin)
      : settings_(std::move(settings)), receive_(receive), plugin_(plugin) {}

  // [control]
  keel::Status open(keel::Host& host);
  void close() { socket_.reset(); }

  // What it was opened with. [any]
  const ListenerSettings& settings() const { return settings_; }
  bool dtls() const { return settings_.dtls.has_value(); }
  keel::Address local() const { return local_; }
  bool loopback() const { return local_.is_loopback(); }
  // Whether a datagram for a peer must leave from the shard where those of the peer arrive: there
  // its association is, or it is known to which address of ours the peer talks.
  bool sticky() const { return sticky_; }
  // "emqx_sn:udp:1884", as clients of it are listed.
  const std::string& title() const { return title_; }
  // For Udp::send: from the socket of this shard. Stays when it is closed; then nothing is sent.
  // [shard]
  keel_handle id() const { return id_.load(std::memory_order_relaxed); }
  const keel::UdpSocket& socket() const { return socket_; }  // [control]

 private:
  const ListenerSettings settings_;
  const Receive receive_;
  void* const plugin_;
  keel::UdpSocket socket_;
  std::atomic<bool> ready_{false};  // what is below may be read by shards, and stays
  std::atomic<keel_handle> id_{0};
  keel::Address local_;
  bool sticky_ = false;
  std::string title_;
};

}  // namespace sn
