// Rules in TOML: an array of tables [[rule]]. The only file that sees toml++, which is compiled
// into it.
#include <cstddef>

namespace emqx_acl {
struct ParserGaveUp {};
[[noreturn]] static void give_up() { throw ParserGaveUp(); }
}  // namespace emqx_acl

// The parser asserts that brackets have names and commas have values behind them, which files can
// break. Here that is an error like others, in every build.
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : emqx_acl::give_up())
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>

#include "emqx_acl/load.hpp"
#include "emqx_acl/printable.hpp"
#include "emqx_acl/toml_shape.hpp"

namespace emqx_acl {
namespace {

Position place(const toml::node& node) {
  const toml::source_position at = node.source().begin;
  return {at.line, at.column};
}
Position place(const toml::key& key) {
  const toml::source_position at = key.source().begin;
  return {at.line, at.column};
}

[[noreturn]] void fail(const toml::node& node, std::string text) {
  throw Fault{place(node), std::move(text)};
}
[[noreturn]] void fail(const toml::key& key, std::string text) {
  throw Fault{place(key), std::move(text)};
}

// A text or a list of texts, none of them empty.
std::vector<std::string> texts(std::string_view key, const toml::node& node) {
  std::vector<std::string> out;
  const auto add = [&](const toml::node& one) {
    const auto* const text = one.as_string();
    if (!text) fail(one, keel::concat(key, " takes a text or a list of texts"));
    if (text->get().empty()) fail(one, keel::concat("a text of ", key, " is empty"));
    out.push_back(text->get());
  };
  if (const auto* const list = node.as_array()) {
    for (const toml::node& one : *list) add(one);
    if (out.empty()) fail(node, keel::concat(key, " is an empty list; leave it out or fill it"));
  } else {
    add(node);
  }
  return out;
}

std::vector<Network> networks(const toml::node& node) {
  std::vector<Network> out;
  const toml::array* const list = node.as_array();
  const std::vector<std::string> all = texts("address", node);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto network = Network::parse(all[i]);
    if (!network) {
      fail(list ? *list->get(i) : node,
           in_quotes(all[i]) +
               " is no address; write \"10.0.0.7\", \"10.0.0.0/8\", \"2001:db8::/32\" "
               "or \"unix\"");
    }
    out.push_back(std::move(*network));
  }
  return out;
}

Subject certificate(const toml::node& node) {
  const toml::table* const table = node.as_table();
  if (!table || table->empty()) {
    fail(node, "certificate takes a table such as { cn = \"door-7\" }, with cn, san and dn");
  }
  std::vector<Subject> parts;
  for (const auto& [key, value] : *table) {
    const std::string_view name = key.str();
    if (name != "cn" && name != "san" && name != "dn") {
      fail(key, keel::concat("unknown key ", in_quotes(name), "; a certificate has cn, san, dn"));
    }
    const Subject::Kind kind = name == "cn"    ? Subject::Kind::cn
                               : name == "san" ? Subject::Kind::san
                                               : Subject::Kind::dn;
    parts.push_back(Subject::named(kind, texts(name, value)));
  }
  return Subject::all_of(std::move(parts));
}

bool is_subject_key(std::string_view key) {
  constexpr std::string_view kKeys[] = {"all",         "user",     "client", "address",
                                        "certificate", "listener", "and",    "or"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

Subject subject(const toml::table& table, bool whole, int depth);

// The tables behind `and` and `or`.
std::vector<Subject> alternatives(std::string_view key, const toml::node& node, int depth) {
  const toml::array* const list = node.as_array();
  if (!list || list->empty()) {
    fail(node, keel::concat(key, " takes a list of tables, as in [{ user = \"ann\" }, ...]"));
  }
  if (depth >= kDeepest) fail(node, "nested too deep; 16 levels are enough");
  std::vector<Subject> out;
  for (const toml::node& one : *list) {
    if (!one.is_table()) fail(one, keel::concat(key, " takes tables, as { user = \"ann\" }"));
    out.push_back(subject(*one.as_table(), true, depth + 1));
  }
  return out;
}

Subject part(std::string_view key, const toml::node& node, int depth) {
  if (key == "all") {
    const auto* const yes = node.as_boolean();
    if (!yes || !yes->get()) fail(node, "all can only be true");
    return Subject::everybody();
  }
  if (key == "user") return Subject::named(Subject::Kind::user, texts(key, node));
  if (key == "client") return Subject::named(Subject::Kind::client, texts(key, node));
  if (key == "listener") return Subject::named(Subject::Kind::listener, texts(key, node));
  if (key == "address") return Subject::in(networks(node));
  if (key == "certificate") return certificate(node);
  if (key == "and") return Subject::all_of(alternatives(key, node, depth));
  return Subject::any_of(alternatives(key, node, depth));
}

// All keys of a table that say who must hold. `whole`: it has no others.
Subject subject(const toml::table& table, bool whole, int depth) {
  std::vector<Subject> parts;
  for (const auto& [key, value] : table) {
    if (is_subject_key(key.str())) {
      parts.push_back(part(key.str(), value, depth));
    } else if (whole) {
      fail(key, keel::concat("unknown key ", in_quotes(key.str()),
                             "; who it is about is said by all, user, client, address, "
                             "certificate, listener, and, or"));
    }
  }
  if (parts.empty()) {
    fail(table, "it does not say who it is about; write all = true if everybody is meant");
  }
  if (parts.size() > 1 && table.contains("all")) {
    fail(*table.get("all"), "all = true and another condition; leave one of them out");
  }
  return Subject::all_of(std::move(parts));
}

std::string word(const toml::table& table, std::string_view key) {
  const toml::node* const node = table.get(key);
  if (!node) return {};
  const auto* const text = node->as_string();
  return text ? text->get() : " ";  // no word there is
}

bool permit(const toml::table& table) {
  const std::string text = word(table, "permit");
  if (text.empty()) fail(table, "permit is missing; write permit = \"allow\" or \"deny\"");
  if (text != "allow" && text != "deny") {
    fail(*table.get("permit"), "permit is \"allow\" or \"deny\"");
  }
  return text == "allow";
}

std::uint8_t actions(const toml::table& table) {
  const std::string text = word(table, "action");
  if (text == "publish") return static_cast<std::uint8_t>(Action::publish);
  if (text == "subscribe") return static_cast<std::uint8_t>(Action::subscribe);
  if (!table.contains("action") || text == "all") return kBothActions;
  fail(*table.get("action"), "action is \"publish\", \"subscribe\" or \"all\"");
}

std::uint8_t qos(const toml::node& node) {
  std::uint8_t out = 0;
  const auto add = [&](const toml::node& one) {
    const auto* const number = one.as_integer();
    if (!number || number->get() < 0 || number->get() > 2) {
      fail(one, "qos takes 0, 1, 2 or a list of these");
    }
    out = static_cast<std::uint8_t>(out | 1 << number->get());
  };
  if (const auto* const list = node.as_array()) {
    for (const toml::node& one : *list) add(one);
    if (list->empty()) fail(node, "qos is an empty list; leave it out or fill it");
  } else {
    add(node);
  }
  return out;
}

std::vector<TopicPattern> topics(const toml::node& node) {
  std::vector<TopicPattern> out;
  const toml::array* const list = node.as_array();
  const std::vector<std::string> all = texts("topics", node);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string_view text = all[i];
    const toml::node& at = list ? *list->get(i) : node;
    if (text.starts_with("eq ")) {
      if (text.size() == 3) fail(at, "a topic is missing behind eq");
      out.push_back(TopicPattern::literal(text.substr(3)));
      continue;
    }
    std::string error;
    auto made = TopicPattern::compile(text, Dialect::toml, error);
    if (!made) fail(at, error);
    out.push_back(std::move(*made));
  }
  return out;
}

Rule rule(const toml::node& node) {
  const toml::table* const table = node.as_table();
  if (!table) fail(node, "a rule is a table; begin each with [[rule]]");
  for (const auto& [key, value] : *table) {
    constexpr std::string_view kOthers[] = {"permit", "action", "qos", "retain", "topics"};
    if (is_subject_key(key.str()) ||
        std::find(std::begin(kOthers), std::end(kOthers), key.str()) != std::end(kOthers)) {
      continue;
    }
    fail(key, keel::concat("unknown key ", in_quotes(key.str()),
                           "; a rule has permit, all, user, client, address, certificate, "
                           "listener, and, or, action, qos, retain, topics"));
  }
  Rule out;
  out.at = place(node);
  out.permit = permit(*table);
  out.subject = subject(*table, false, 0);
  out.actions = actions(*table);
  if (const toml::node* const levels = table->get("qos")) out.qos = qos(*levels);
  if (const toml::node* const retain = table->get("retain")) {
    const auto* const yes = retain->as_boolean();
    if (!yes) fail(*retain, "retain is true or false");
    if (out.actions != static_cast<std::uint8_t>(Action::publish)) {
      fail(*retain, "retain is about publishing; add action = \"publish\"");
    }
    out.retain = yes->get();
  }
  if (const toml::node* const list = table->get("topics")) out.topics = topics(*list);
  return out;
}

std::vector<Rule> rules(const toml::table& file) {
  for (const auto& [key, value] : file) {
    if (key.str() != "rule") {
      fail(key, keel::concat("unknown key ", in_quotes(key.str()),
                             "; the file holds tables [[rule]] and nothing else"));
    }
  }
  std::vector<Rule> out;
  const toml::node* const node = file.get("rule");
  if (!node) return out;
  const toml::array* const list = node->as_array();
  if (!list) fail(*node, "begin each rule with [[rule]], in double brackets");
  if (list->size() > kMostRules) fail(*node, "more than 100000 rules");
  out.reserve(list->size());
  try {
    for (const toml::node& one : *list) out.push_back(rule(one));
  } catch (Fault& fault) {
    fault.rule = out.size() + 1;
    throw;
  }
  return out;
}

// The parser's words without what it puts behind them.
std::string syntax_error(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  return keel::concat("not valid TOML: ", text.substr(0, 200),
                      "; write key = value, texts in \"quotes\"");
}

bool parser_gives_up(std::string_view text) {
  try {
    static_cast<void>(toml::parse(text));
  } catch (const ParserGaveUp&) {
    return true;
  } catch (const toml::parse_error&) {
  }
  return false;
}

// The line at which it does: the last of the shortest beginning with which it still does.
std::uint32_t line_of_giving_up(std::string_view text) {
  std::vector<std::size_t> ends;  // of lines
  for (std::size_t at = 0; at < text.size();) {
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
    ends.push_back(at);
  }
  const auto line = std::partition_point(ends.begin(), ends.end(), [&](std::size_t end) {
    return !parser_gives_up(text.substr(0, end));
  });
  return static_cast<std::uint32_t>(line - ends.begin()) + 1;
}

}  // namespace

std::vector<Rule> read_toml(std::string_view text) {
  TomlShape().check(text);
  try {
    return rules(toml::parse(text));
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    throw Fault{{at.line, at.column}, syntax_error(error.description())};
  } catch (const ParserGaveUp&) {
    throw Fault{{line_of_giving_up(text), 0},
                "not valid TOML: a name or a value is missing, or a bracket is one too many"};
  }
}

}  // namespace emqx_acl
