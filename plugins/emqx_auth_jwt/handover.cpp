#include "emqx_auth_jwt/handover.hpp"

#include <cstdint>
#include <keel/fields.hpp>

namespace jwt {

namespace {

bool read_rule(keel::FieldReader& in, AclRule& rule) {
  std::uint32_t allow = 0, action = 0;
  if (!in.field(allow) || !in.field(action) || allow > 1 || action < 1 || action > 3) {
    return false;
  }
  rule.allow = allow == 1;
  rule.action = static_cast<Action>(action);
  return in.field(rule.filter);
}

bool read_grant(keel::FieldReader& in, Handover::Grant& grant) {
  keel_addr peer{};
  std::uint32_t rules = 0;
  if (!in.field(grant.client_id) || !in.field(peer) || !in.field(rules) || rules > Acl::kMaxRules) {
    return false;
  }
  grant.peer = keel::Address(peer);
  grant.rules.resize(rules);
  for (AclRule& rule : grant.rules) {
    if (!read_rule(in, rule)) return false;
  }
  return true;
}

}  // namespace

std::string Handover::write() const {
  std::string text;
  keel::FieldWriter out(text);
  out.field(key_set_from);
  out.field(key_set);
  for (const Grant& grant : grants) {
    out.field(grant.client_id);
    out.field(grant.peer.c());
    out.field(static_cast<std::uint32_t>(grant.rules.size()));
    for (const AclRule& rule : grant.rules) {
      out.field(std::uint32_t{rule.allow});
      out.field(static_cast<std::uint32_t>(rule.action));
      out.field(rule.filter);
    }
  }
  return text;
}

bool Handover::read(std::string_view text) {
  keel::FieldReader in(text);
  if (!in.field(key_set_from) || !in.field(key_set)) return false;
  while (!in.at_end()) {
    if (!read_grant(in, grants.emplace_back())) return false;
  }
  return true;
}

}  // namespace jwt
