// The functions of FakeHost's table session. Part of keel/fake.hpp.
#pragma once

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/sessions.hpp"

namespace keel::fake {

KEEL_FAKE_FN const keel_ext_session& SessionTable::session_table() {
  struct F {
    static keel_status publish(const keel_host* host, keel_handle handle,
                               const keel_message_view* shown, std::uint64_t token) {
      return with(host, "session.publish", handle, [&](Session& session) -> keel_status {
        FakeMessage message = FakeMessage::copy(*shown);
        if (!valid_topic(message.topic) || message.qos > 2) {
          return of(host).fail(KEEL_E_INVAL, "session.publish: not a topic, or QoS above 2");
        }
        message.client_id = session.far->client_id;
        const std::uint8_t reason = of(host).session_publish(message);
        if (message.qos > 0) {
          of(host).answer_published(session, token, reason);
        }
        if (reason < 0x80) session.far->published.push_back(std::move(message));
        return KEEL_OK;
      });
    }
    static keel_status subscribe(const keel_host* host, keel_handle handle,
                                 const keel_subscription* all, std::uint32_t n,
                                 std::uint64_t token) {
      return with(host, "session.subscribe", handle, [&](Session& session) -> keel_status {
        std::vector<std::uint8_t> codes;
        for (std::uint32_t i = 0; i < n; ++i) {
          const std::string filter(view(all[i].filter));
          codes.push_back(of(host).session_subscribe(filter, all[i].qos));
          if (codes.back() < 0x80) session.far->subscriptions[filter] = codes.back();
        }
        of(host).answer_codes(session, token, std::move(codes));
        return KEEL_OK;
      });
    }
    static keel_status unsubscribe(const keel_host* host, keel_handle handle,
                                   const keel_str* filters, std::uint32_t n, std::uint64_t token) {
      return with(host, "session.unsubscribe", handle, [&](Session& session) -> keel_status {
        std::vector<std::uint8_t> codes;
        for (std::uint32_t i = 0; i < n; ++i) {
          const bool had = session.far->subscriptions.erase(std::string(view(filters[i]))) > 0;
          codes.push_back(had ? 0 : 0x11);
        }
        of(host).answer_codes(session, token, std::move(codes));
        return KEEL_OK;
      });
    }
    static keel_status received(const keel_host* host, keel_handle handle, std::uint32_t id) {
      return with(host, "session.received", handle, [&](Session& session) -> keel_status {
        const auto found = session.far->inflight.find(id);
        if (found == session.far->inflight.end() || found->second != 2) {
          return of(host).fail(KEEL_E_NOENT, "session.received: no QoS 2 delivery of this id");
        }
        session.far->received.push_back(id);
        return KEEL_OK;
      });
    }
    static keel_status ack(const keel_host* host, keel_handle handle, std::uint32_t id,
                           std::uint8_t reason) {
      return with(host, "session.ack", handle, [&](Session& session) -> keel_status {
        if (session.far->inflight.erase(id) == 0) {
          return of(host).fail(KEEL_E_NOENT, "session.ack: no delivery of this id is under way");
        }
        session.far->acked.emplace_back(id, reason);
        of(host).pump_later(session);
        return KEEL_OK;
      });
    }
    static keel_status set_will(const keel_host* host, keel_handle handle, const keel_will* will,
                                std::uint64_t token) {
      return with(host, "session.set_will", handle, [&](Session& session) -> keel_status {
        SessionTable& self = of(host);
        const FakeMessage message = will ? will_of(*will) : FakeMessage();
        const std::uint8_t reason = will ? self.session_publish(message) : std::uint8_t{0};
        if (reason < 0x80) session.far->will = will ? std::optional(message) : std::nullopt;
        self.answer_published(session, token, reason);
        return KEEL_OK;
      });
    }
    static keel_status suspend(const keel_host* host, keel_handle handle, std::uint32_t limit) {
      return with(host, "session.suspend", handle, [&](Session& session) -> keel_status {
        session.far->suspended = true;
        session.far->queue_limit = limit;
        session.far->poll_left.reset();
        return KEEL_OK;
      });
    }
    static keel_status resume(const keel_host* host, keel_handle handle) {
      return with(host, "session.resume", handle, [&](Session& session) -> keel_status {
        session.far->suspended = false;
        session.far->poll_left.reset();
        of(host).pump_later(session);
        return KEEL_OK;
      });
    }
    static keel_status poll(const keel_host* host, keel_handle handle) {
      return with(host, "session.poll", handle, [&](Session& session) -> keel_status {
        if (!session.far->suspended) {
          return of(host).fail(KEEL_E_STATE, "session.poll: the session is not suspended");
        }
        session.far->poll_left = session.far->waiting.size();
        of(host).pump_later(session);
        return KEEL_OK;
      });
    }
    static keel_status inspect(const keel_host* host, keel_handle handle, keel_session_stats_fn fn,
                               void* ctx) {
      return with(host, "session.inspect", handle, [&](Session& session) -> keel_status {
        SessionTable& self = of(host);
        self.queue(session.shard, [&self, handle, fn, ctx] {
          const auto* const asked = self.find_any<Session>(handle);
          if (!asked || asked->parked || asked->owner->phase == Phase::unloading) {
            return fn(ctx, nullptr);
          }
          keel_session_stats stats{};
          stats.size = sizeof stats;
          stats.waiting = static_cast<std::uint32_t>(asked->far->waiting.size());
          stats.inflight = static_cast<std::uint32_t>(asked->far->inflight.size());
          stats.subscriptions = static_cast<std::uint32_t>(asked->far->subscriptions.size());
          stats.dropped = asked->far->dropped;
          fn(ctx, &stats);
        });
        return KEEL_OK;
      });
    }
    static keel_status close(const keel_host* host, keel_handle handle, std::uint8_t reason) {
      Session* session;
      const auto status =
          of(host).enter_end(instance(host), "session.close", On::shard, handle, session);
      if (status != KEEL_OK) return status;
      session->far->close_reason = reason;
      of(host).finish_session(handle, reason, "closed by the gateway");
      return KEEL_OK;
    }
    static keel_status attach(const keel_host* host, keel_handle handle,
                              const keel_session_callbacks* callbacks, void* ctx) {
      SessionTable& self = of(host);
      if (const auto status = self.enter(instance(host), "session.attach", On::control)) {
        return status;
      }
      auto* const session = self.find_any<Session>(handle);
      if (!session || !session->parked) {
        return self.fail(KEEL_E_STALE, "session.attach: there is no such parked session");
      }
      session->owner = &instance(host);
      session->parked = false;
      session->callbacks = copy(*callbacks);
      session->ctx = ctx;
      return KEEL_OK;
    }
  };
  static const keel_ext_session table{
      sizeof table,
      0,
      [](const keel_host* host, const keel_session_request* request,
         const keel_session_callbacks* callbacks, void* ctx, keel_handle* out) -> keel_status {
        return of(host).open(instance(host), *request, *callbacks, ctx, out);
      },
      &F::publish,
      &F::subscribe,
      &F::unsubscribe,
      &F::received,
      &F::ack,
      &F::set_will,
      &F::suspend,
      &F::resume,
      &F::close,
      &F::attach,
      &F::poll,
      &F::inspect};
  return table;
}

}  // namespace keel::fake
