// FakeHost's tables message, broker and clients. Part of keel/fake.hpp.
#pragma once

#include "keel/ext/broker.h"
#include "keel/ext/clients.h"
#include "keel/fake/basics.hpp"

namespace keel::fake {

// What a keel_message* of the fake points to.
struct StoredMessage {
  FakeMessage message;
  int references = 1;
  static StoredMessage& of(keel_message* message) {
    return *reinterpret_cast<StoredMessage*>(message);
  }
  keel_message* c() { return reinterpret_cast<keel_message*>(this); }
};

// Whether a filter matches a topic, wildcards included.
inline bool matches(std::string_view filter, std::string_view topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  for (;;) {
    const std::string_view want = filter.substr(0, filter.find('/'));
    if (want == "#") return true;
    const std::string_view have = topic.substr(0, topic.find('/'));
    if (want != "+" && want != have) return false;
    const bool more_filter = want.size() < filter.size(), more_topic = have.size() < topic.size();
    if (!more_topic) return !more_filter || filter.substr(want.size()) == "/#";
    if (!more_filter) return false;
    filter.remove_prefix(want.size() + 1);
    topic.remove_prefix(have.size() + 1);
  }
}

class Messages : public Basics {
 public:
  using Basics::Basics;
  ~Messages() override {
    for (StoredMessage* message : stored_) delete message;
  }

  // ---- for tests ----
  // What the plugin published by itself, oldest first.
  std::vector<FakeMessage> published;
  // The retained messages that broker.retained() shows, by topic.
  std::map<std::string, FakeMessage> retained;
  std::uint32_t match_count = 0;  // what broker.match_count() answers
  // Who is connected, for clients.find() and each(); and who was kicked.
  std::vector<FakeClient> clients;
  std::vector<std::pair<std::string, std::uint8_t>> kicked;
  std::vector<std::pair<std::string, std::uint8_t>> kicked_users;  // by clients.kick_user()
  // Messages that the plugin holds references to.
  std::size_t messages_held() const { return stored_.size(); }

 protected:
  StoredMessage& store(FakeMessage message) {
    stored_.push_back(new StoredMessage{std::move(message)});
    return *stored_.back();
  }
  void unref(StoredMessage& message) {
    if (--message.references > 0) return;
    std::erase(stored_, &message);
    delete &message;
  }
  static bool valid_topic(std::string_view topic) {
    return !topic.empty() && topic.size() <= 65535 &&
           topic.find_first_of(std::string_view("+#\0", 3)) == std::string_view::npos;
  }

  const void* message_table_for(std::string_view id) {
    if (id == KEEL_EXT_MESSAGE) return &message_table();
    if (id == KEEL_EXT_BROKER) return &broker_table();
    if (id == KEEL_EXT_CLIENTS) return &clients_table();
    return nullptr;
  }

 private:
  static Messages& of(const keel_host* host) {
    return static_cast<Messages&>(*instance(host).kernel);
  }

  static const keel_ext_message& message_table() {
    static const keel_ext_message table{
        sizeof table,
        0,
        [](const keel_host* host, const keel_message_view* shown,
           keel_message** out) -> keel_status {
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

  keel_status publish(Instance& caller, const char* function, FakeMessage message) {
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

  static const keel_ext_broker& broker_table() {
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

  static const keel_ext_clients& clients_table() {
    static const keel_ext_clients table{
        sizeof table,
        0,
        [](const keel_host* host, keel_str client_id, keel_clients_fn fn,
           void* ctx) -> keel_status {
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

  std::vector<StoredMessage*> stored_;
};

}  // namespace keel::fake
