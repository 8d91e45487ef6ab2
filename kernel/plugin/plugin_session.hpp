// A session/1 handle: the MQTT client inside the broker that stands for a gateway's client, its
// stream into the broker's protocol machine, and the plugin's callbacks. Belongs to the shard that
// opened it; the session itself lives on the shard of its client id.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "keel/ext/session.h"
#include "kernel/broker/broker.hpp"
#include "kernel/net/stream_link.hpp"
#include "kernel/plugin/host_object.hpp"
#include "kernel/plugin/host_thread.hpp"
#include "kernel/plugin/session_client.hpp"

namespace keel::kernel {

class PluginSession final : public HostObject, private StreamUser, private SessionEvents {
 public:
  // `callbacks` stay as long as the slot.
  PluginSession(Slot& slot, std::uint32_t shard, const keel_session_callbacks& callbacks, void* ctx,
                std::string client_id);

  // Sends the CONNECT. [shard]
  Result<void> open(HostThread& thread, PeerInfo peer, const ConnectView& connect);

  void begin() override;
  void revoke() override;
  bool park() override;
  // The next version's callbacks. [control, while parked]
  void rebind(const keel_session_callbacks& callbacks, void* ctx) {
    callbacks_ = &callbacks;
    ctx_ = ctx;
  }

  bool open() const { return end_ && !closing_; }
  bool backed_up() const { return backed_up_; }  // the broker has not taken what was sent
  // Calls fn(SessionClient&, OutBuffer&); what that writes goes to the broker.
  template <class F>
  auto order(F&& fn) {
    OutBuffer out;
    const auto answer = fn(client_, out);
    send(out);
    return answer;
  }
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

  void on_written(OutBuffer& out) override { send(out); }
  void on_connack(const ConnackView& connack) override;
  void on_deliveries(std::span<const Delivery> deliveries) override;
  void on_suback(std::uint64_t token, Bytes codes) override;
  void on_published(std::uint64_t token, Reason reason) override;
  void on_pingresp() override;
  void on_disconnect(Reason reason) override;

  template <class F, class G>
  void at_home(F order, G otherwise) const;
  std::function<void(Reason)> reporter(std::uint64_t token) const;

  void send(OutBuffer& out);
  void take(Bytes bytes);
  void break_off();
  void tell_closed();
  void finish();

  // What few sessions have.
  struct Rare {
    std::string held;  // output of the broker that came while nobody could be called
    std::string word;  // why it ended
  };
  Rare& rare();

  const keel_session_callbacks* callbacks_;
  void* ctx_;
  const std::string client_id_;
  std::unique_ptr<StreamEnd> end_;
  std::unique_ptr<Rare> rare_;
  SessionClient client_;
  const std::uint32_t number_;  // PeerInfo::gateway_session
  std::uint32_t polls_ = 0;     // whose end has not come yet
  std::uint32_t ended_ = 0;     // the first ones of them: other orders ended these, nobody is told
  Reason reason_ = Reason::unspecified_error;  // why it ended
  bool stop_ = false;                          // no more events: given up
  bool asleep_ : 1 = false;
  bool opened_ : 1 = false;   // CONNACK said yes
  bool refused_ : 1 = false;  // `opened` told the plugin no; there is no `closed`
  bool closing_ : 1 = false;  // leave() was called
  bool closed_ : 1 = false;   // ended while parked
  bool parked_ : 1 = false;
  bool backed_up_ : 1 = false;
};

}  // namespace keel::kernel
