// Rules as EMQ X writes them: {allow | deny, Who, publish | subscribe | pubsub, [Topic, ...]}.
#include "emqx_acl/erlang_terms.hpp"
#include "emqx_acl/load.hpp"
#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

constexpr std::string_view kForms =
    "write {allow, Who, publish | subscribe | pubsub, [Topic, ...]}. or {allow, all}.";

[[noreturn]] void fail(const Term& at, std::string text) { throw Fault{at.at, std::move(text)}; }

void check_parts(const Term& list) {
  if (list.kind != Term::Kind::list || list.items.empty()) {
    fail(list, "'and' and 'or' take a list of at least one Who, not " + list.describe());
  }
}

// The text of {user, "x"}, also given as <<"x">> or as an atom.
std::string name(const Term& term) {
  if (!term.is_text() && term.kind != Term::Kind::atom) {
    fail(term, "a name is a text such as \"ann\", not " + term.describe());
  }
  if (term.text.empty()) fail(term, "the name is empty");
  return term.text;
}

Subject who(const Term& term) {
  if (term.is_atom("all")) return Subject::everybody();
  constexpr std::string_view kWho =
      "who is all, {user, \"x\"}, {client, \"x\"}, {ipaddr, \"10.0.0.0/8\"}, {'and', [...]} or "
      "{'or', [...]}";
  if (term.kind != Term::Kind::tuple || term.items.size() != 2) {
    fail(term, keel::concat(kWho, "; this is ", term.describe()));
  }
  const Term &what = term.items[0], &value = term.items[1];
  if (what.is_atom("and") || what.is_atom("or")) {
    check_parts(value);
    std::vector<Subject> all;
    for (const Term& part : value.items) all.push_back(who(part));
    return what.is_atom("and") ? Subject::all_of(std::move(all)) : Subject::any_of(std::move(all));
  }
  const bool user = what.is_atom("user");
  if (user || what.is_atom("client")) {
    if (value.is_atom("all")) return Subject::everybody();  // anyone, as in EMQ X
    return Subject::named(user ? Subject::Kind::user : Subject::Kind::client, {name(value)});
  }
  if (!what.is_atom("ipaddr")) fail(what, keel::concat(kWho, "; this is ", term.describe()));
  const auto network = Network::parse(name(value));
  if (!network) {
    fail(value, in_quotes(value.text) + " is no address; write \"10.0.0.7\" or \"10.0.0.0/8\"");
  }
  return Subject::in({*network});
}

TopicPattern topic(const Term& term) {
  const bool tuple = term.kind == Term::Kind::tuple && term.items.size() == 2;
  if (tuple && term.items[0].is_atom("eq") && term.items[1].is_text()) {
    if (term.items[1].text.empty()) fail(term, "a topic is empty; leave it out");
    return TopicPattern::literal(term.items[1].text);
  }
  if (!term.is_text()) {
    fail(term, "a topic is \"a/b/#\" or {eq, \"a/b\"}, not " + term.describe());
  }
  std::string error;
  auto made = TopicPattern::compile(term.text, Dialect::erlang, error);
  if (!made) fail(term, error);
  return std::move(*made);
}

std::uint8_t actions(const Term& term) {
  if (term.is_atom("publish")) return static_cast<std::uint8_t>(Action::publish);
  if (term.is_atom("subscribe")) return static_cast<std::uint8_t>(Action::subscribe);
  if (term.is_atom("pubsub")) return kBothActions;
  fail(term, "what is publish, subscribe or pubsub, not " + term.describe());
}

Rule rule(const Term& term) {
  if (term.kind != Term::Kind::tuple || (term.items.size() != 2 && term.items.size() != 4)) {
    fail(term, keel::concat("a rule is a tuple of two or four; ", kForms));
  }
  Rule out;
  out.dialect = Dialect::erlang;
  out.at = term.at;
  const Term& permit = term.items[0];
  if (!permit.is_atom("allow") && !permit.is_atom("deny")) {
    fail(permit, "a rule begins with allow or deny, not " + permit.describe());
  }
  out.permit = permit.is_atom("allow");
  if (term.items.size() == 2) {
    if (!term.items[1].is_atom("all")) {
      fail(term.items[1], keel::concat("a short rule is for all; ", kForms));
    }
    return out;
  }
  out.subject = who(term.items[1]);
  out.actions = actions(term.items[2]);
  const Term& topics = term.items[3];
  if (topics.kind != Term::Kind::list) {
    out.topics.push_back(topic(topics));
    return out;
  }
  if (topics.items.empty()) fail(topics, "the list of topics is empty; name one, or \"#\"");
  for (const Term& one : topics.items) out.topics.push_back(topic(one));
  return out;
}

}  // namespace

std::vector<Rule> read_erlang(std::string_view text) {
  std::vector<Rule> out;
  TermReader reader(text);
  try {
    for (Term term; reader.next(term);) {
      if (out.size() == kMostRules) fail(term, "more than 100000 rules");
      out.push_back(rule(term));
    }
  } catch (Fault& fault) {
    fault.rule = out.size() + 1;
    throw;
  }
  return out;
}

}  // namespace emqx_acl
