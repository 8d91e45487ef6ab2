// A file of rules, in either format, into a RuleSet.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <keel/result.hpp>

#include "emqx_acl/rule_set.hpp"

namespace emqx_acl {

// What one file may have; more is refused.
constexpr std::size_t kMostBytes = 16u << 20;
constexpr std::size_t kMostRules = 100'000;
constexpr int kDeepest = 16;  // of and, or, lists and tuples in each other

using Rules = std::shared_ptr<const RuleSet>;

// Erlang terms if the first letter in it is % or {, else TOML. An error reads
// "FILE:3:5: rule 2: cause; remedy".
keel::Result<Rules> load_rules(std::string_view text, std::string_view file);

// The same from the file system. [control, worker]
keel::Result<Rules> load_file(const std::string& path);

// The readers behind it; they throw Fault.
std::vector<Rule> read_toml(std::string_view text);
std::vector<Rule> read_erlang(std::string_view text);

// "TOML" or "Erlang terms".
std::string_view dialect_name(Dialect dialect);

}  // namespace emqx_acl
