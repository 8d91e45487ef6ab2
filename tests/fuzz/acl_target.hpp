// What holds for every file of access rules: it is refused with its name and a cause, or it is
// loaded, and then the indexed answer is that of the rules looked at one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "check.hpp"
#include "emqx_acl/explain.hpp"
#include "emqx_acl/load.hpp"
#include "emqx_acl/printable.hpp"

namespace acl_target {

using namespace emqx_acl;

// Without index and signatures.
inline const Rule* decide_slowly(const RuleSet& rules, const Request& request) {
  const Topic topic(request.topic);
  const Names names(request.who);
  for (const Rule& rule : rules.rules()) {
    const bool asked = (rule.actions & static_cast<unsigned>(request.action)) != 0 &&
                       (rule.qos >> request.qos & 1) != 0 &&
                       (!rule.retain || *rule.retain == request.retain);
    if (!asked || !rule.subject.holds(request.who, rule.permit)) continue;
    bool about_it = rule.topics.empty();
    for (const TopicPattern& pattern : rule.topics) {
      about_it =
          about_it || pattern.holds(rule.relation(request.action), topic, names, rule.permit);
    }
    if (about_it) return &rule;
  }
  return nullptr;
}

inline void ask(const RuleSet& rules, const Who& who) {
  for (const char* topic : {"a", "a/ann/b", "$SYS/x", "home/ann/lamp", "x/y/z/1/2/3/4"}) {
    for (const Action action : {Action::publish, Action::subscribe}) {
      const Request request{who, action, 1, false, topic};
      FUZZ_CHECK(rules.decide(request) == decide_slowly(rules, request));
    }
  }
  for (const char* filter : {"#", "+/#", "a/+", "a/#", "$SYS/#", "home/ann/#", "+/+/lamp"}) {
    const Request request{who, Action::subscribe, 0, false, filter};
    const Rule* const rule = rules.decide(request);
    FUZZ_CHECK(rule == decide_slowly(rules, request));
    const Explanation why = explain(rules, request);
    FUZZ_CHECK(why.rule == rule && why.why.empty() == (rule == nullptr));
  }
}

inline int check(const std::string& text, Dialect dialect) {
  const auto loaded = load_rules(text, "acl.conf");
  if (!loaded) {
    FUZZ_CHECK(loaded.text().starts_with("acl.conf:"));
    FUZZ_CHECK(loaded.text().size() < 1'000 + text.size() * 4);
    return 0;
  }
  const RuleSet& rules = **loaded;
  FUZZ_CHECK(rules.dialect() == dialect || dialect == Dialect::toml);
  for (const Rule& rule : rules.rules()) {
    FUZZ_CHECK(rule.at.line != 0);
    FUZZ_CHECK(valid_text(rule.text()));
  }
  const Ip local = Ip::of(*keel::Address::parse("127.0.0.1"));
  ask(rules,
      {.client_id = "c", .username = "ann", .cn = "door", .has_username = true, .ip = local});
  ask(rules, {.client_id = "+", .username = "a/#", .has_username = true});
  ask(rules, {.client_id = "$SYS", .away = true});
  return 0;
}

}  // namespace acl_target
