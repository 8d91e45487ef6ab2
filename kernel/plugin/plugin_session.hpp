// A session/1 handle: the MQTT client inside the broker that stands for a gateway's client, its
// stream into the broker's protocol machine, and the plugin's callbacks. Belongs to the shard that
// opened it; the session itself lives on the shard of its client id.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keel/ext/session.h"
#include "kernel/broker/broker.hpp"
#include "kernel/net/stream_link.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/session_client.hpp"

namespace keel::kernel {

class PluginSession final : public HostObject, private StreamUser, private SessionEvents {
 public:
  PluginSession(Slot& slot, std::uint32_t shard, const keel_session_callbacks& callbacks, void* ctx,
                std::string client_id);

  // Sends the CONNECT. [shard]
  Result<void> open(HostThread& thread, PeerInfo peer, const ConnectView& connect);

  void begin() override;
  void revoke() override;
  bool park() override;
  // The next version's callbacks. [control, while parked]
  void rebind(const keel_session_callbacks& callbacks, void* ctx);

  bool open() const { return end_ && !closing_; }
  bool backed_up() const { return backed_up_; }  // the broker has not taken what was sent
  SessionClient& client() { return client_; }
  void send();  // what the client has written goes to the broker
  void leave(std::uint8_t reason);
  // Orders to the broker's side of the session, on the shard of its client id. They are carried out
  // if the client's connection there is still this one.
  void suspend(std::uint32_t queue_limit);
  void resume();
  bool poll();  // false: it does not sleep
  void set_will(const WillView& will, std::uint64_t token);
  void clear_will(std::uint64_t token);
  void inspect(keel_session_stats_fn fn, void* ctx) const;  // the slot has begun a walk for it

 private:
  void on_output(const iovec* pieces, int count) override;
  void on_writable() override { backed_up_ = false; }
  void on_closed(CloseCause cause, std::string_view detail) override;

  void on_connack(const ConnackView& connack) override;
  void on_deliveries(std::span<const Delivery> deliveries) override;
  void on_suback(std::uint64_t token, Bytes codes) override;
  void on_published(std::uint64_t token, Reason reason) override;
  void on_pingresp() override;
  void on_disconnect(Reason reason) override;

  template <class F, class G>
  void at_home(F order, G otherwise) const;
  std::function<void(Reason)> reporter(std::uint64_t token) const;

  void take(Bytes bytes);
  void break_off();
  void tell_closed();
  void finish();

  keel_session_callbacks callbacks_;
  void* ctx_;
  const std::string client_id_;
  const std::uint32_t number_;  // PeerInfo::gateway_session
  std::unique_ptr<StreamEnd> end_;
  OutBuffer out_;
  SessionClient client_;
  std::string held_;  // output of the broker that came while nobody could be called
  std::vector<keel_property> props_;
  Reason reason_ = Reason::unspecified_error;  // why it ended
  std::string word_;
  std::uint32_t polls_ = 0;  // whose end has not come yet
  std::uint32_t ended_ = 0;  // the first ones of them: other orders ended these, nobody is told
  bool asleep_ = false;
  bool opened_ = false;   // CONNACK said yes
  bool refused_ = false;  // `opened` told the plugin no; there is no `closed`
  bool closing_ = false;  // leave() was called
  bool closed_ = false;   // ended while parked
  bool stop_ = false;     // no more events: given up
  bool parked_ = false;
  bool backed_up_ = false;
};

}  // namespace keel::kernel
