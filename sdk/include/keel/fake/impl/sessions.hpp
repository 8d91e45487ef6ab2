// What keel/fake/sessions.hpp declares, but for the table itself. See keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/sessions.hpp"

namespace keel::fake {

KEEL_FAKE_FN SessionPeer* SessionTable::session(std::string_view client_id) {
  SessionPeer* out = nullptr;
  for (auto& [handle, peer] : session_peers_) {
    if (peer.client_id == client_id) out = &peer;
  }
  return out;
}

KEEL_FAKE_FN void SessionTable::deliver(std::string_view client_id, const FakeMessage& message) {
  if (SessionPeer* const peer = session(client_id)) {
    peer->waiting.push_back(message);
    if (peer->suspended && peer->queue_limit != 0 && peer->waiting.size() > peer->queue_limit) {
      peer->waiting.pop_front();
      ++peer->dropped;
      if (peer->poll_left && *peer->poll_left != 0) --*peer->poll_left;
    }
    pump_session(peer->handle);
  }
  run();
}

KEEL_FAKE_FN void SessionTable::session_end(std::string_view client_id, std::uint8_t reason,
                                            std::string_view word) {
  if (const SessionPeer* const peer = session(client_id)) {
    finish_session(peer->handle, reason, std::string(word));
  }
  run();
}

KEEL_FAKE_FN const void* SessionTable::session_table_for(std::string_view id) {
  return id == KEEL_EXT_SESSION ? &session_table() : nullptr;
}

KEEL_FAKE_FN void SessionTable::pump_sessions() {
  for (const Session* session : all<Session>()) pump_session(session->handle);
}

KEEL_FAKE_FN void SessionTable::pump_session(keel_handle handle) {
  for (;;) {
    auto* const session = find_any<Session>(handle);
    if (!session || !session->far->open || session->parked ||
        session->owner->phase != Phase::running) {
      return;
    }
    SessionPeer& peer = *session->far;
    if (peer.poll_left == 0) {
      peer.poll_left.reset();
      if (session->callbacks.polled) {
        on(session->shard, [&] { session->callbacks.polled(session->ctx, handle); });
      }
      continue;
    }
    if (peer.waiting.empty() || (peer.suspended && !peer.poll_left)) return;
    const FakeMessage message = peer.waiting.front();
    if (message.qos != 0 && !peer.window_open()) return;
    peer.waiting.pop_front();
    if (peer.poll_left) --*peer.poll_left;
    const FakeMessageView shown(message);
    keel_delivery delivery{};
    delivery.size = sizeof delivery;
    delivery.id = message.qos ? next_delivery_++ : 0;
    delivery.message = shown.c;
    if (message.qos) peer.inflight[delivery.id] = message.qos;
    on(session->shard, [&] { session->callbacks.deliver(session->ctx, handle, &delivery, 1); });
  }
}

KEEL_FAKE_FN void SessionTable::pump_later(const Session& session) {
  queue(session.shard, [this, handle = session.handle] { pump_session(handle); });
}

KEEL_FAKE_FN keel_session_callbacks SessionTable::copy(const keel_session_callbacks& given) {
  keel_session_callbacks out{};
  std::memcpy(&out, &given, std::min<std::size_t>(given.size, sizeof out));
  return out;
}

KEEL_FAKE_FN void SessionTable::finish_session(keel_handle handle, std::uint8_t reason,
                                               std::string word) {
  auto* const found = find_any<Session>(handle);
  if (!found || std::exchange(found->ending, true)) return;
  queue(found->shard, [this, handle, reason, word = std::move(word)] {
    auto* const session = find_any<Session>(handle);
    if (!session) return;
    session->far->closed = true;
    session->far->open = false;
    session->callbacks.closed(session->ctx, handle, reason, to_c(word));
    drop(handle);
  });
}

KEEL_FAKE_FN FakeMessage SessionTable::will_of(const keel_will& will) {
  FakeMessage out;
  out.topic = view(will.topic);
  out.payload = view(will.payload);
  out.qos = will.qos;
  out.retain = will.retain != 0;
  return out;
}

KEEL_FAKE_FN keel_status SessionTable::open(Instance& caller, const keel_session_request& request,
                                            const keel_session_callbacks& callbacks, void* ctx,
                                            keel_handle* out) {
  if (const auto status = enter(caller, "session.open", On::shard)) return status;
  if (request.client_id.size == 0) return fail(KEEL_E_INVAL, "session.open: no client id");
  auto made = std::make_unique<Session>();
  made->shard = current();
  made->callbacks = copy(callbacks);
  made->ctx = ctx;
  Session& session = add(caller, std::move(made));
  SessionPeer& peer = session_peers_[session.handle];
  session.far = &peer;
  peer.handle = session.handle;
  peer.client_id = view(request.client_id);
  peer.username = view(request.username);
  peer.password = view(request.password);
  peer.protocol = view(request.protocol);
  peer.listener_name = view(request.listener_name);
  peer.clean = (request.flags & KEEL_SESSION_CLEAN) != 0;
  peer.loopback_only = (request.flags & KEEL_SESSION_LOOPBACK_ONLY) != 0;
  peer.has_username = (request.flags & KEEL_SESSION_HAS_USERNAME) != 0;
  peer.has_password = (request.flags & KEEL_SESSION_HAS_PASSWORD) != 0;
  if (request.verified) peer.verified = FakeVerified::copy(*request.verified);
  peer.expiry_s = request.expiry_s;
  peer.keep_alive_s = request.keep_alive_s;
  peer.receive_maximum = request.receive_maximum;
  peer.peer = Address(request.peer).text();
  if (request.will) peer.will = will_of(*request.will);
  *out = session.handle;
  queue(session.shard, [this, handle = session.handle] {
    auto* const opening = find_any<Session>(handle);
    if (!opening || opening->ending) return;
    const std::uint8_t reason = session_open(*opening->far);
    opening->far->open = reason == 0;
    opening->far->closed = reason != 0;
    opening->callbacks.opened(opening->ctx, handle, reason, reason == 0 && session_present ? 1 : 0);
    if (reason != 0) drop(handle);
  });
  return KEEL_OK;
}

KEEL_FAKE_FN void SessionTable::answer_codes(const Session& session, std::uint64_t token,
                                             std::vector<std::uint8_t> codes) {
  queue(session.shard, [this, handle = session.handle, token, codes = std::move(codes)] {
    auto* const asked = find_any<Session>(handle);
    if (!asked) return;
    asked->callbacks.suback(asked->ctx, handle, token, codes.data(),
                            static_cast<std::uint32_t>(codes.size()));
  });
}

KEEL_FAKE_FN void SessionTable::answer_published(const Session& session, std::uint64_t token,
                                                 std::uint8_t reason) {
  queue(session.shard, [this, handle = session.handle, token, reason] {
    if (auto* const asked = find_any<Session>(handle)) {
      asked->callbacks.published(asked->ctx, handle, token, reason);
    }
  });
}

}  // namespace keel::fake
