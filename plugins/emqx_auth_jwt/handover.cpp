#include "emqx_auth_jwt/handover.hpp"

#include <cstdint>
#include <cstring>

namespace jwt {

namespace {

void put_number(std::string& out, std::uint32_t number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}
void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

// Takes from the beginning of a text; false at the first thing that is not there.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool number(std::uint32_t& out) { return bytes(&out, sizeof out); }
  bool text(std::string& out) {
    std::uint32_t size = 0;
    if (!number(size) || size > rest_.size()) return false;
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool bytes(void* out, std::size_t size) {
    if (rest_.size() < size) return false;
    std::memcpy(out, rest_.data(), size);
    rest_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool read_rule(Reader& in, AclRule& rule) {
  std::uint32_t allow = 0, action = 0;
  if (!in.number(allow) || !in.number(action) || allow > 1 || action < 1 || action > 3) {
    return false;
  }
  rule.allow = allow == 1;
  rule.action = static_cast<Action>(action);
  return in.text(rule.filter);
}

bool read_grant(Reader& in, Handover::Grant& grant) {
  keel_addr peer{};
  std::uint32_t rules = 0;
  if (!in.text(grant.client_id) || !in.bytes(&peer, sizeof peer) || !in.number(rules) ||
      rules > Acl::kMaxRules) {
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
  std::string out;
  put_text(out, key_set_from);
  put_text(out, key_set);
  for (const Grant& grant : grants) {
    put_text(out, grant.client_id);
    out.append(reinterpret_cast<const char*>(&grant.peer.c()), sizeof(keel_addr));
    put_number(out, static_cast<std::uint32_t>(grant.rules.size()));
    for (const AclRule& rule : grant.rules) {
      put_number(out, rule.allow ? 1 : 0);
      put_number(out, static_cast<std::uint32_t>(rule.action));
      put_text(out, rule.filter);
    }
  }
  return out;
}

bool Handover::read(std::string_view text) {
  Reader in(text);
  if (!in.text(key_set_from) || !in.text(key_set)) return false;
  while (!in.at_end()) {
    if (!read_grant(in, grants.emplace_back())) return false;
  }
  return true;
}

}  // namespace jwt
