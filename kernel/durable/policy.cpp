#include "kernel/durable/policy.hpp"

#include "kernel/router/topic.hpp"

namespace keel::kernel {

Durability durability_by_rule(const DurabilitySettings& settings, std::string_view topic,
                              Durability otherwise) {
  for (const DurabilityRule& rule : settings.rules)
    if (topic_matches(rule.filter, topic)) return rule.policy;
  return otherwise;
}

}  // namespace keel::kernel
