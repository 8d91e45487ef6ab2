// One rule, as both formats give it. Immutable once built; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emqx_acl/fault.hpp"
#include "emqx_acl/subject.hpp"
#include "emqx_acl/topic_pattern.hpp"

namespace emqx_acl {

constexpr std::uint8_t kBothActions = 3, kAnyQos = 7;

struct Rule {
  bool permit = false;
  Subject subject = Subject::everybody();
  std::uint8_t actions = kBothActions;  // bits: Action
  std::uint8_t qos = kAnyQos;           // bit 1 << n: QoS n
  std::optional<bool> retain;           // publishing only
  std::vector<TopicPattern> topics;     // empty: every topic
  Dialect dialect = Dialect::toml;
  Position at;

  // How its topics are compared with what is asked for.
  Relation relation(Action action) const {
    if (action == Action::publish) return Relation::matches;
    if (permit) return Relation::covers;
    return dialect == Dialect::erlang ? Relation::reads : Relation::overlaps;
  }
  // As people write it: `allow user "ann" publish qos 0,1 "a/%u/#"`.
  std::string text() const;
};

}  // namespace emqx_acl
