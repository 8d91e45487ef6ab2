// Which rule decides on a question, and why. Any thread.
#pragma once

#include <string>
#include <vector>

#include "emqx_acl/rule_set.hpp"

namespace emqx_acl {

struct Explanation {
  const Rule* rule = nullptr;    // null: none decides
  std::vector<std::string> why;  // one line for each condition of the rule that holds
};
Explanation explain(const RuleSet& rules, const Request& request);

}  // namespace emqx_acl
