// What keel/fake/messages.hpp declares: the tables message, broker and clients. See
// keel/fake/impl/fn.hpp.
#pragma once

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/messages.hpp"

namespace keel::fake {

KEEL_FAKE_FN Messages::~Messages() {
  for (StoredMessage* message : stored_) delete message;
}

KEEL_FAKE_FN StoredMessage& Messages::store(FakeMessage message) {
  stored_.push_back(new StoredMessage{std::move(message)});
  return *stored_.back();
}

KEEL_FAKE_FN void Messages::unref(StoredMessage& message) {
  if (--message.references > 0) return;
  std::erase(stored_, &message);
  delete &message;
}

KEEL_FAKE_FN bool Messages::valid_topic(std::string_view topic) {
  return !topic.empty() && topic.size() <= 65535 &&
         topic.find_first_of(std::string_view("+#\0", 3)) == std::string_view::npos;
}

KEEL_FAKE_FN const void* Messages::message_table_for(std::string_view id) {
  if (id == KEEL_EXT_MESSAGE) return &message_table();
  if (id == KEEL_EXT_BROKER) return &broker_table();
  if (id == KEEL_EXT_CLIENTS) return &clients_table();
  return nullptr;
}

KEEL_FAKE_FN const keel_ext_message& Messages::message_table() {
  static const keel_ext_message table{
      sizeof table,
      0,
      [](const keel_host* host, const keel_message_view* shown, keel_message** out) -> keel_status {
        Messages& self = of(host);
        if (const auto status = self.enter(instance(host), "message.create", On::any)) {
          return status;
        }
        if (!valid_topic(view(shown->topic)) || shown->qos > 2) {
          return self.fail(KEEL_E_INVAL, "message.create: not a topic, or QoS above 2");
        }
        *out = self.store(FakeMessage::copy(*shown)).c();
        return KEEL_OK;
      },
      [](const keel_host*, keel_message* message) { ++StoredMessage::of(message).references; },
      [](const keel_host* host, keel_message* message) {
        of(host).unref(StoredMessage::of(message));
      },
      [](const keel_host*, keel_message* message, void (*fn)(void*, const keel_message_view*),
         void* ctx) -> keel_status {
        const FakeMessageView shown(StoredMessage::of(message).message, message);
        fn(ctx, &shown.c);
        return KEEL_OK;
      }};
  return table;
}

KEEL_FAKE_FN keel_status Messages::publish(Instance& caller, const char* function,
                                           FakeMessage message) {
  if (const auto status = enter(caller, function, On::any)) return status;
  if (!valid_topic(message.topic) || message.qos > 2) {
    return fail(KEEL_E_INVAL, concat(function, ": not a topic, or QoS above 2"));
  }
  if (message.topic.starts_with("$SYS")) {
    return fail(KEEL_E_DENIED, concat(function, ": topics below $SYS are the broker's"));
  }
  if (message.retain) {
    if (message.payload.empty()) {
      retained.erase(message.topic);
    } else {
      retained[message.topic] = message;
    }
  }
  published.push_back(std::move(message));
  return KEEL_OK;
}

KEEL_FAKE_FN const keel_ext_broker& Messages::broker_table() {
  static const keel_ext_broker table{
      sizeof table,
      0,
      [](const keel_host* host, const keel_message_view* shown) -> keel_status {
        return of(host).publish(instance(host), "broker.publish", FakeMessage::copy(*shown));
      },
      [](const keel_host* host, keel_message* message) -> keel_status {
        return of(host).publish(instance(host), "broker.publish_message",
                                StoredMessage::of(message).message);
      },
      [](const keel_host* host, keel_str filter, keel_retained_fn fn, keel_task_fn done,
         void* ctx) -> keel_status {
        Messages& self = of(host);
        if (const auto status = self.enter(instance(host), "broker.retained", On::shard)) {
          return status;
        }
        self.queue(self.current(), [&self, filter = std::string(view(filter)), fn, done, ctx] {
          for (const auto& [topic, message] : self.retained) {
            if (!matches(filter, topic)) continue;
            const FakeMessageView shown(message);
            fn(ctx, &shown.c, 1);
          }
          done(ctx, 0);
        });
        return KEEL_OK;
      },
      [](const keel_host* host, keel_str topic) -> keel_status {
        const auto status = of(host).enter(instance(host), "broker.retained_clear", On::any);
        if (status == KEEL_OK) of(host).retained.erase(std::string(view(topic)));
        return status;
      },
      [](const keel_host* host, keel_str, std::uint32_t* out) -> keel_status {
        const auto status = of(host).enter(instance(host), "broker.match_count", On::shard);
        if (status == KEEL_OK) *out = of(host).match_count;
        return status;
      },
      [](const keel_host*, keel_sink out) { put(out, "0.0.0-fake"); },
      [](const keel_host*, keel_sink out) { put(out, "keel@fake"); }};
  return table;
}

KEEL_FAKE_FN const keel_ext_clients& Messages::clients_table() {
  static const keel_ext_clients table{
      sizeof table,
      0,
      [](const keel_host* host, keel_str client_id, keel_clients_fn fn, void* ctx) -> keel_status {
        Messages& self = of(host);
        if (const auto status = self.enter(instance(host), "clients.find", On::any)) {
          return status;
        }
        self.queue(KEEL_SHARD_CONTROL, [&self, id = std::string(view(client_id)), fn, ctx] {
          for (const FakeClient& client : self.clients) {
            if (client.client_id != id) continue;
            const keel_client c = client.c();
            return fn(ctx, &c, 1, 1);
          }
          fn(ctx, nullptr, 0, 1);
        });
        return KEEL_OK;
      },
      [](const keel_host* host, keel_str client_id, std::uint8_t reason) -> keel_status {
        const auto status = of(host).enter(instance(host), "clients.kick", On::any);
        if (status == KEEL_OK) of(host).kicked.emplace_back(view(client_id), reason);
        return status;
      },
      [](const keel_host* host, keel_clients_fn fn, void* ctx) -> keel_status {
        Messages& self = of(host);
        if (const auto status = self.enter(instance(host), "clients.each", On::any)) {
          return status;
        }
        self.queue(KEEL_SHARD_CONTROL, [&self, fn, ctx] {
          for (const FakeClient& client : self.clients) {
            const keel_client c = client.c();
            fn(ctx, &c, 1, 0);
          }
          fn(ctx, nullptr, 0, 1);
        });
        return KEEL_OK;
      },
      [](const keel_host* host, keel_str username, std::uint8_t reason) -> keel_status {
        const auto status = of(host).enter(instance(host), "clients.kick_user", On::any);
        if (status == KEEL_OK) of(host).kicked_users.emplace_back(view(username), reason);
        return status;
      }};
  return table;
}

}  // namespace keel::fake
