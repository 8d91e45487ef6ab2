// The words of `ctl acl explain CLIENT publish|subscribe TOPIC [--qos N] [--retain] [--user U]
// [--address A] [--cn NAME] [--listener L]`. Any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emqx_acl/request.hpp"

namespace emqx_acl {

struct Question {
  std::string client;
  std::string topic;  // without $share/<group>/ or $queue/
  Action action = Action::publish;
  std::uint8_t qos = 0;
  bool retain = false;
  // Of a client that is thought up; given: nobody is looked up.
  std::optional<std::string> user, address, cn, listener;

  bool thought_up() const { return user || address || cn || listener; }
  // The client that is thought up; a view of this.
  Who who() const;
};

// The words behind "explain". False with `error` empty: the usage helps; else what is wrong.
bool parse_question(std::span<const std::string_view> words, Question& out, std::string& error);

// Whether a topic can be published to, or subscribed to; empty: yes, else what is wrong.
std::string_view topic_fault(Action action, std::string_view topic);

}  // namespace emqx_acl
