#include "emqx_acl/rule_set.hpp"

#include <algorithm>

namespace emqx_acl {
namespace {

constexpr std::uint32_t kNoMore = ~std::uint32_t{0};

// Walks through several ascending lists as through one.
class Merged {
 public:
  using List = std::vector<std::uint32_t>;
  Merged(const List& a, const List& b, const List& c) : lists_{&a, &b, &c} {}

  std::uint32_t next() {
    std::uint32_t least = kNoMore;
    for (int i = 0; i < 3; ++i) least = std::min(least, front(i));
    for (int i = 0; i < 3; ++i) {
      if (front(i) == least && least != kNoMore) ++at_[i];
    }
    return least;
  }

 private:
  std::uint32_t front(int i) const {
    return at_[i] < lists_[i]->size() ? (*lists_[i])[at_[i]] : kNoMore;
  }
  const List* lists_[3];
  std::size_t at_[3] = {};
};

void note(std::vector<std::uint32_t>& list, std::uint32_t rule) {
  if (list.empty() || list.back() != rule) list.push_back(rule);
}

}  // namespace

// A question with what is worked out once for all rules.
struct RuleSet::Asked {
  explicit Asked(const Request& of)
      : request(of), names(of.who), topic(of.topic), signature(topic) {}
  const Request& request;
  const Names names;
  const Topic topic;
  const Signature signature;
};

bool RuleSet::Gate::lets_in(const Request& request) const {
  if ((actions & static_cast<unsigned>(request.action)) == 0 || (qos >> request.qos & 1) == 0) {
    return false;
  }
  return request.retain ? !needs_plain : !needs_retained;
}

RuleSet::RuleSet(std::vector<Rule> rules, Dialect dialect)
    : rules_(std::move(rules)), dialect_(dialect) {
  for (std::uint32_t i = 0; i < rules_.size(); ++i) {
    const Rule& rule = rules_[i];
    gates_.push_back({static_cast<std::uint32_t>(signatures_.size()),
                      static_cast<std::uint32_t>(rule.topics.size()), rule.actions, rule.qos,
                      rule.retain == true, rule.retain == false});
    for (const TopicPattern& topic : rule.topics) signatures_.emplace_back(topic);
    const auto keys = rule.subject.keys();
    if (!keys) {
      general_.push_back(i);
      continue;
    }
    for (const std::string& user : keys->users) note(by_user_[user], i);
    for (const std::string& client : keys->clients) note(by_client_[client], i);
  }
}

bool RuleSet::topic_holds(std::uint32_t index, const Asked& asked, std::size_t* which) const {
  const Gate& gate = gates_[index];
  if (gate.signatures == 0) return true;
  for (std::uint32_t i = 0; i < gate.signatures; ++i) {
    if (!signatures_[gate.first_signature + i].may_hold_for(asked.signature)) continue;
    const Rule& rule = rules_[index];
    if (!rule.topics[i].holds(rule.relation(asked.request.action), asked.topic, asked.names,
                              rule.permit)) {
      continue;
    }
    if (which) *which = i;
    return true;
  }
  return false;
}

bool RuleSet::holds(std::uint32_t index, const Asked& asked, std::size_t* which) const {
  if (!gates_[index].lets_in(asked.request) || !topic_holds(index, asked, which)) return false;
  const Rule& rule = rules_[index];
  return rule.subject.holds(asked.request.who, rule.permit);
}

const Rule* RuleSet::decide(const Request& request, std::size_t* topic) const {
  const Asked asked(request);
  const Who& who = request.who;
  Merged candidates(general_, find(by_user_, who.has_username ? who.username : ""),
                    find(by_client_, who.client_id));
  for (std::uint32_t i; (i = candidates.next()) != kNoMore;) {
    if (holds(i, asked, topic)) return &rules_[i];
  }
  return nullptr;
}

}  // namespace emqx_acl
