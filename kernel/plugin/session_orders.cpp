// What a gateway's session asks of its other side: the broker on the shard of the client id.
#include "kernel/plugin/call.hpp"
#include "kernel/plugin/plugin_session.hpp"
#include "kernel/plugin/runtime.hpp"
#include "kernel/plugin/slot.hpp"

namespace keel::kernel {
namespace {

// A question of the plugin's for a session's figures. Told once, however it ends.
class Inspection {
 public:
  // The slot has begun a walk for it.
  Inspection(Slot& slot, keel_session_stats_fn fn, void* ctx) : slot_(slot), fn_(fn), ctx_(ctx) {}
  Inspection(const Inspection&) = delete;
  Inspection& operator=(const Inspection&) = delete;
  ~Inspection() {
    if (fn_) tell(nullptr);
  }

  void look(Broker& broker, std::string_view client_id) {
    broker.show_session(client_id, [this](const SessionInfo& info) {
      stats_.size = sizeof stats_;
      stats_.waiting = static_cast<std::uint32_t>(info.queued + info.unsent);
      stats_.inflight = static_cast<std::uint32_t>(info.inflight - info.unsent);
      stats_.subscriptions = static_cast<std::uint32_t>(info.subscriptions);
      stats_.dropped = info.dropped;
    });
  }
  // On the plugin's thread.
  void answer(const HostThread& thread) {
    tell(stats_.size != 0 && slot_.active(thread) ? &stats_ : nullptr);
  }

 private:
  void tell(const keel_session_stats* stats) {
    const keel_session_stats_fn once = std::exchange(fn_, nullptr);
    call_plugin(slot_, CallSite::session, [&] { once(ctx_, stats); });
    slot_.end_walk();
  }

  Slot& slot_;
  keel_session_stats_fn fn_;
  void* ctx_;
  keel_session_stats stats_{};
};

}  // namespace

// Runs `order` there, if the client's connection is still this one; else `otherwise`.
template <class F, class G>
void PluginSession::at_home(F order, G otherwise) const {
  Runtime& runtime = slot().runtime();
  HostThread& home = runtime.thread(runtime.realm().home(client_id_));
  home.post([&home, order = std::move(order), otherwise = std::move(otherwise), id = client_id_,
             number = number_]() mutable {
    if (home.broker().connected_for(id, number))
      order(home.broker(), std::string_view(id));
    else
      otherwise();
  });
}

void PluginSession::suspend(std::uint32_t queue_limit) {
  ended_ = polls_;
  asleep_ = opened_;
  at_home([queue_limit](Broker& broker, std::string_view id) { broker.suspend(id, queue_limit); },
          [] {});
}

void PluginSession::resume() {
  ended_ = polls_;
  asleep_ = false;
  at_home([](Broker& broker, std::string_view id) { broker.resume(id); }, [] {});
}

bool PluginSession::poll() {
  if (!asleep_) return false;
  ended_ = polls_++;
  at_home([](Broker& broker, std::string_view id) { broker.poll(id); }, [] {});
  return true;
}

void PluginSession::set_will(const WillView& will, std::uint64_t token) {
  const std::function<void(Reason)> report = reporter(token);
  at_home(
      [will, topic = std::string(will.topic), payload = std::string(will.payload), report](
          Broker& broker, std::string_view id) {
        broker.ask_authorize(
            id, Action::publish, will.qos, will.retain, topic,
            [&broker, will, topic, payload, name = std::string(id), report](bool allowed) {
              if (!allowed) return report(Reason::not_authorized);
              WillView mine = will;
              mine.topic = topic;
              mine.payload = payload;
              report(broker.set_will(name, mine).reason);
            });
      },
      [report] { report(Reason::session_taken_over); });
}

void PluginSession::clear_will(std::uint64_t token) {
  at_home(
      [report = reporter(token)](Broker& broker, std::string_view id) {
        broker.clear_will(id);
        report(Reason::success);
      },
      [report = reporter(token)] { report(Reason::session_taken_over); });
}

// Tells the plugin what became of an order. [any]
std::function<void(Reason)> PluginSession::reporter(std::uint64_t token) const {
  Runtime& runtime = slot().runtime();
  return [&runtime, &here = runtime.thread(thread()), self = handle(), token](Reason reason) {
    here.post([&runtime, self, token, reason] {
      if (HostObject* const object = runtime.handles().find(self, ObjectKind::session))
        static_cast<PluginSession*>(object)->on_published(token, reason);
    });
  };
}

void PluginSession::inspect(keel_session_stats_fn fn, void* ctx) const {
  auto inspection = std::make_shared<Inspection>(slot(), fn, ctx);
  HostThread& here = slot().runtime().thread(thread());
  const auto answer = [&here, inspection] {
    here.post([&here, inspection] { inspection->answer(here); });
  };
  at_home(
      [inspection, answer](Broker& broker, std::string_view id) {
        inspection->look(broker, id);
        answer();
      },
      answer);
}

}  // namespace keel::kernel
