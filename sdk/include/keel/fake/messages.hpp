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
  ~Messages() override;

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
  StoredMessage& store(FakeMessage message);
  void unref(StoredMessage& message);
  static bool valid_topic(std::string_view topic);

  const void* message_table_for(std::string_view id);

 private:
  static Messages& of(const keel_host* host) {
    return static_cast<Messages&>(*instance(host).kernel);
  }

  static const keel_ext_message& message_table();

  keel_status publish(Instance& caller, const char* function, FakeMessage message);

  static const keel_ext_broker& broker_table();

  static const keel_ext_clients& clients_table();

  std::vector<StoredMessage*> stored_;
};

}  // namespace keel::fake
