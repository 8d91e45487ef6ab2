#include "kernel/config/durability_words.hpp"

#include <fmt/format.h>

#include "kernel/config/trim.hpp"
#include "kernel/router/topic.hpp"

namespace keel::kernel {
std::string_view durability_word(Durability policy) {
  switch (policy) {
    case Durability::inherit:
      return "";
    case Durability::none:
      return "none";
    case Durability::async:
      return "async";
    case Durability::fsync:
      return "fsync";
  }
  return "";
}

std::optional<Durability> parse_durability(std::string_view word) {
  for (const Durability policy : {Durability::none, Durability::async, Durability::fsync})
    if (durability_word(policy) == word) return policy;
  return std::nullopt;
}

DurabilityRule parse_durability_rule(std::string_view text) {
  const auto equals = text.rfind('=');
  if (equals != std::string_view::npos) {
    const auto policy = parse_durability(trimmed(text.substr(equals + 1)));
    if (policy) return {std::string(trimmed(text.substr(0, equals))), *policy};
  }
  return {std::string(text), Durability::inherit};
}

std::string print_durability_rule(const DurabilityRule& rule) {
  if (rule.policy == Durability::inherit) return rule.filter;
  return fmt::format("{} = {}", rule.filter, durability_word(rule.policy));
}

std::string durability_rule_problem(const DurabilityRule& rule) {
  if (rule.policy == Durability::inherit)
    return "give a topic filter and \"fsync\", \"async\" or \"none\", as in \"telemetry/# = "
           "async\"";
  ParsedFilter parsed;
  const FilterError error = parse_filter(rule.filter, 0, 0, parsed);
  if (error != FilterError::none) return std::string(filter_error_text(error));
  if (parsed.shared()) return "the rule is about topics; leave the group of the subscription out";
  return {};
}

}  // namespace keel::kernel
