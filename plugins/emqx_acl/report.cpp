#include "emqx_acl/report.hpp"

#include <boost/json.hpp>

#include "emqx_acl/explain.hpp"
#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

namespace js = boost::json;

std::string line(const js::value& value) { return js::serialize(value) + "\n"; }

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string_view format_word(const RuleSet& rules) {
  return rules.dialect() == Dialect::toml ? "toml" : "erlang";
}

js::object rule_json(const InForce& now, const Rule& rule) {
  return {{"number", now.rules->number(rule)},
          {"line", rule.at.line},
          {"permit", rule.permit ? "allow" : "deny"},
          {"text", rule.text()}};
}

// "3  acl.conf:12  allow all ..."
std::string rule_line(const InForce& now, const Rule& rule) {
  return keel::concat(now.rules->number(rule), "  ", base_name(now.file), ':', rule.at.line, "  ",
                      rule.text(), '\n');
}

}  // namespace

std::string InForce::summary() const {
  const std::size_t n = rules->rules().size();
  return keel::concat(n, n == 1 ? " rule of " : " rules of ", file, " (",
                      dialect_name(rules->dialect()), ')');
}

std::string show(const InForce& now, bool json) {
  const RuleSet& rules = *now.rules;
  if (json) {
    js::array list;
    for (const Rule& rule : rules.rules()) list.push_back(rule_json(now, rule));
    return line(js::object{{"file", now.file}, {"format", format_word(rules)}, {"rules", list}});
  }
  std::string out = now.summary() + '\n';
  for (const Rule& rule : rules.rules()) out += rule_line(now, rule);
  return out;
}

std::string reloaded(const InForce& now, const std::optional<Recheck>& checked, bool json) {
  const RuleSet& rules = *now.rules;
  if (json) {
    js::object out{{"file", now.file},
                   {"format", format_word(rules)},
                   {"rules", rules.rules().size()},
                   {"checked", nullptr},
                   {"removed", nullptr}};
    if (checked) out["checked"] = checked->asked, out["removed"] = checked->removed;
    return line(out);
  }
  const std::string head = now.summary() + " in force\n";
  if (!checked) return head + "live subscriptions were not checked; see the log\n";
  return keel::concat(head, checked->asked, " subscriptions checked, ", checked->removed,
                      " removed\n");
}

std::string explained(const InForce& now, const Question& question, const Who& who, bool json) {
  const Request request{who, question.action, question.qos, question.retain, question.topic};
  const Explanation answer = explain(*now.rules, request);
  if (json) {
    js::object out{{"decision", "none"}};
    if (answer.rule) {
      out["decision"] = answer.rule->permit ? "allow" : "deny";
      out["rule"] = rule_json(now, *answer.rule);
      out["file"] = now.file;
      out["why"] = js::array(answer.why.begin(), answer.why.end());
    }
    return line(out);
  }
  const std::string asked = keel::concat(
      "client ", in_quotes(question.client),
      question.action == Action::publish ? ", publish to " : ", subscribe to ",
      in_quotes(question.topic), ", QoS ", question.qos, question.retain ? ", retained" : "", ": ");
  if (!answer.rule) {
    return keel::concat(asked, "no rule decides\nof the ", now.summary(),
                        ". mqtt.acl_nomatch of keel.conf says what happens then, see ctl conf "
                        "show mqtt.acl_nomatch\n");
  }
  std::string out = keel::concat(asked, answer.rule->permit ? "allowed\n" : "denied\n", "by rule ",
                                 rule_line(now, *answer.rule), "because\n");
  for (const std::string& why : answer.why) out += keel::concat("  ", why, '\n');
  return out;
}

}  // namespace emqx_acl
