// What `ctl acl ...` says, as text and as JSON. Any thread.
#pragma once

#include <optional>
#include <string>

#include "emqx_acl/load.hpp"
#include "emqx_acl/question.hpp"

namespace emqx_acl {

// The rules in force and where they are from.
struct InForce {
  Rules rules = std::make_shared<const RuleSet>();
  std::string file;  // absolute

  std::string summary() const;  // "3 rules of /etc/keel/acl.conf (TOML)"
};

std::string show(const InForce& now, bool json);

// A reload that went well; `checked` empty: live subscriptions were not looked at.
struct Recheck {
  std::uint64_t asked = 0, removed = 0;
};
std::string reloaded(const InForce& now, const std::optional<Recheck>& checked, bool json);

std::string explained(const InForce& now, const Question& question, const Who& who, bool json);

}  // namespace emqx_acl
