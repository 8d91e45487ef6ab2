// How [durability] is written in settings: words for policies, and rules as "FILTER = POLICY". Any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kernel/base/settings.hpp"

namespace keel::kernel {

// "fsync", "async", "none"; "" for inherit.
std::string_view durability_word(Durability policy);
std::optional<Durability> parse_durability(std::string_view word);

// What stands before the last `=` is the filter. What is no rule comes back as a filter with the
// policy inherit; durability_rule_problem() says so.
DurabilityRule parse_durability_rule(std::string_view text);
std::string print_durability_rule(const DurabilityRule& rule);
// Why it cannot serve; empty: it can.
std::string durability_rule_problem(const DurabilityRule& rule);

}  // namespace keel::kernel
