#include "emqx_auth_jwt/grants.hpp"

#include <utility>

namespace jwt {

namespace {

constexpr std::int64_t kStagedMs = 30'000;

}  // namespace

void Grants::stage(std::string_view client_id, const keel::Address& peer, Rules rules,
                   std::int64_t now_ms) {
  expire(now_ms);
  Entry& entry = entries_[std::string(client_id)];
  entry.staged = {peer, std::move(rules)};
  entry.staged_ms = now_ms;
  order_.push_back({std::string(client_id), now_ms});
}

void Grants::unstage(std::string_view client_id, const keel::Address& peer) {
  const auto found = entries_.find(client_id);
  if (found == entries_.end() || !(found->second.staged.peer == peer)) return;
  found->second.staged = {};
  tidy(found);
}

bool Grants::connected(std::string_view client_id, const keel::Address& peer) {
  const auto found = entries_.find(client_id);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  const Rules before = std::exchange(entry.active, {}).rules;
  if (entry.staged.rules && entry.staged.peer == peer) std::swap(entry.active, entry.staged);
  const Rules& now = entry.active.rules;
  const bool same = before && now ? before->rules() == now->rules() : before == now;
  tidy(found);
  return !same;
}

void Grants::ended(std::string_view client_id) {
  const auto found = entries_.find(client_id);
  if (found == entries_.end()) return;
  found->second.active = {};
  tidy(found);
}

const Acl* Grants::find(std::string_view client_id, const keel::Address& peer) const {
  const auto found = entries_.find(client_id);
  if (found == entries_.end()) return nullptr;
  const Entry& entry = found->second;
  if (entry.staged.rules && entry.staged.peer == peer) return entry.staged.rules.get();
  const bool same = peer.family() == KEEL_ADDR_NONE || entry.active.peer == peer;
  return same ? entry.active.rules.get() : nullptr;
}

void Grants::restore(std::string_view client_id, const keel::Address& peer, Rules rules,
                     std::int64_t now_ms) {
  Entry& entry = entries_[std::string(client_id)];
  if (entry.active.rules) return stage(client_id, peer, std::move(rules), now_ms);
  entry.active = {peer, std::move(rules)};
}

void Grants::tidy(Entries::iterator at) {
  if (!at->second.active.rules && !at->second.staged.rules) entries_.erase(at);
}

void Grants::expire(std::int64_t now_ms) {
  for (; !order_.empty() && now_ms - order_.front().at_ms >= kStagedMs; order_.pop_front()) {
    const auto found = entries_.find(order_.front().client_id);
    if (found == entries_.end() || found->second.staged_ms != order_.front().at_ms) continue;
    found->second.staged = {};
    tidy(found);
  }
}

}  // namespace jwt
