// What the remaining hook points show, and what they let a plugin change. Views, valid during the
// call.
#pragma once

#include <optional>

#include "keel/client.hpp"
#include "keel/message.hpp"

namespace keel {

// client_connect: before authentication.
class ConnectRequest {
 public:
  ConnectRequest(const keel_client& client, keel_str will_topic, keel_connect_answer& answer)
      : client_(client), will_topic_(view(will_topic)), answer_(&answer) {}

  const Client& client() const { return client_; }
  std::string_view will_topic() const { return will_topic_; }  // empty: no will

  void set_keep_alive(std::uint32_t seconds) { edit(KEEL_EDIT_KEEP_ALIVE).keep_alive_s = seconds; }
  void set_session_expiry(std::uint32_t seconds) {
    edit(KEEL_EDIT_SESSION_EXPIRY).session_expiry_s = seconds;
  }
  void set_receive_maximum(std::uint32_t n) { edit(KEEL_EDIT_RECEIVE_MAXIMUM).receive_maximum = n; }
  void set_maximum_packet_size(std::uint32_t bytes) {
    edit(KEEL_EDIT_MAXIMUM_PACKET_SIZE).maximum_packet_size = bytes;
  }
  void set_topic_alias_maximum(std::uint32_t n) {
    edit(KEEL_EDIT_TOPIC_ALIAS_MAXIMUM).topic_alias_maximum = n;
  }
  void set_client_id(std::string_view id) { put(edit(KEEL_EDIT_CLIENT_ID).client_id, id); }
  void set_username(std::string_view name) { put(edit(KEEL_EDIT_USERNAME).username, name); }

 private:
  keel_connect_answer& edit(std::uint32_t bit) {
    answer_->edits |= bit;
    return *answer_;
  }

  Client client_;
  std::string_view will_topic_;
  keel_connect_answer* answer_;
};

// client_connack: before CONNACK is sent.
class ConnackRequest {
 public:
  ConnackRequest(const keel_client& client, std::uint8_t reason, bool present,
                 keel_connack_answer& answer)
      : client_(client), reason_(reason), present_(present), answer_(&answer) {}

  const Client& client() const { return client_; }
  std::uint8_t reason() const { return reason_; }
  bool session_present() const { return present_; }

  void set_response_information(std::string_view text) { put(answer_->response_information, text); }
  void set_reason_string(std::string_view text) { put(answer_->reason_string, text); }
  void add_user_property(std::string_view name, std::string_view value) {
    if (answer_->add_user_property) {
      answer_->add_user_property(answer_->ctx, to_c(name), to_c(value));
    }
  }

 private:
  Client client_;
  std::uint8_t reason_;
  bool present_;
  keel_connack_answer* answer_;
};

// client_subscribe and client_unsubscribe: one filter.
class FilterRequest {
 public:
  FilterRequest(const keel_client& client, keel_str filter, keel_filter_answer& answer)
      : client_(client), filter_(view(filter)), answer_(&answer) {}

  const Client& client() const { return client_; }
  std::string_view filter() const { return filter_; }
  std::uint8_t qos() const { return answer_->qos; }
  bool no_local() const { return answer_->no_local != 0; }
  bool retain_as_published() const { return answer_->retain_as_published != 0; }
  std::uint8_t retain_handling() const { return answer_->retain_handling; }

  void set_qos(std::uint8_t qos) { answer_->qos = qos; }
  void set_no_local(bool on) { answer_->no_local = on ? 1 : 0; }
  void set_retain_as_published(bool on) { answer_->retain_as_published = on ? 1 : 0; }
  void set_retain_handling(std::uint8_t how) { answer_->retain_handling = how; }
  void set_filter(std::string_view filter) { put(answer_->filter, filter); }

 private:
  Client client_;
  std::string_view filter_;
  keel_filter_answer* answer_;
};

// The notifications.
class Event {
 public:
  Event(detail::Core& core, const keel_event& event) : core_(&core), event_(&event) {}

  keel_hook_point point() const { return static_cast<keel_hook_point>(event_->point); }
  std::optional<Client> client() const {
    return event_->client ? std::optional<Client>(*event_->client) : std::nullopt;
  }
  std::string_view topic() const { return view(event_->topic); }
  std::string_view reason() const { return view(event_->reason); }  // a word
  std::uint8_t reason_code() const { return event_->reason_code; }
  std::uint8_t qos() const { return event_->qos; }
  std::optional<Message> message() const {
    return event_->message ? std::optional<Message>(Message(*core_, *event_->message))
                           : std::nullopt;
  }

 private:
  detail::Core* core_;
  const keel_event* event_;
};

}  // namespace keel
