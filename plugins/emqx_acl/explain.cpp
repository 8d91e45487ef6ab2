#include "emqx_acl/explain.hpp"

#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

std::string_view relation_words(Relation relation) {
  switch (relation) {
    case Relation::matches:
      return "matches the topic";
    case Relation::covers:
      return "covers every topic of the filter";
    case Relation::overlaps:
      return "has topics in common with the filter";
    case Relation::reads:
      return "matches the text of the filter";
  }
  return "";
}

std::string topic_line(const Rule& rule, std::size_t which, const Request& request) {
  const TopicPattern& pattern = rule.topics[which];
  if (pattern.is_literal())
    return keel::concat(in_quotes(pattern.text()), " is the very same text");
  std::string out = "its topic " + in_quotes(pattern.text());
  if (pattern.has_placeholders()) {
    const std::string filled = pattern.filled(Names(request.who));
    out += keel::concat(", here ", in_quotes(filled), ",");
  }
  return keel::concat(out, ' ', relation_words(rule.relation(request.action)));
}

}  // namespace

Explanation explain(const RuleSet& rules, const Request& request) {
  Explanation out;
  std::size_t which = 0;
  out.rule = rules.decide(request, &which);
  if (!out.rule) return out;
  const Rule& rule = *out.rule;
  rule.subject.explain(request.who, rule.permit, out.why);
  if (rule.qos != kAnyQos) out.why.push_back(keel::concat("QoS ", request.qos, " is one of its"));
  if (rule.retain) {
    out.why.push_back(*rule.retain ? "the message is retained" : "the message is not retained");
  }
  out.why.push_back(rule.topics.empty() ? "it is about every topic"
                                        : topic_line(rule, which, request));
  return out;
}

}  // namespace emqx_acl
