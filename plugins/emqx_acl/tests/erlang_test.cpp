// Rules in Erlang terms, as EMQ X reads them: the grammar, what it means, and every refusal with
// its place.
#include <doctest/doctest.h>

#include "emqx_acl/erlang_terms.hpp"
#include "emqx_acl/load.hpp"

using namespace emqx_acl;

namespace {

Rules good(std::string_view text) {
  auto loaded = load_rules(text, "acl.conf");
  REQUIRE_MESSAGE(loaded, loaded.text());
  CHECK((*loaded)->dialect() == Dialect::erlang);
  return *loaded;
}
std::string first(std::string_view text) { return good(text)->rules().at(0).text(); }
std::string refusal(std::string_view text) {
  const auto loaded = load_rules(text, "acl.conf");
  return loaded ? "loaded" : std::string(loaded.text());
}

// What EMQ X 3 ships, in its own form.
constexpr std::string_view kShipped = R"(%% Rules of the broker
%%
%% -type(who() :: all | {client, binary()} | ... ).

{allow, {user, "dashboard"}, subscribe, ["$SYS/#"]}.

{allow, {ipaddr, "127.0.0.1"}, pubsub, ["$SYS/#", "#"]}.

{deny, all, subscribe, ["$SYS/#", {eq, "#"}]}.

{allow, all}.
)";

}  // namespace

TEST_CASE("the file EMQ X ships") {
  const Rules rules = good(kShipped);
  REQUIRE(rules->rules().size() == 4);
  CHECK(rules->rules()[0].text() == R"(allow user "dashboard" subscribe "$SYS/#")");
  CHECK(rules->rules()[1].text() ==
        R"(allow address 127.0.0.1 publish and subscribe "$SYS/#", "#")");
  CHECK(rules->rules()[2].text() == R"(deny all subscribe "$SYS/#", "eq #")");
  CHECK(rules->rules()[3].text() == "allow all publish and subscribe any topic");
  CHECK(rules->rules()[0].at.line == 5);
  CHECK(rules->rules()[3].at.line == 11);

  const auto may = [&](std::string_view user, const char* address, Action action,
                       std::string_view topic) {
    Request request{.action = action, .topic = topic};
    request.who.username = user;
    request.who.has_username = !user.empty();
    request.who.ip = Ip::of(*keel::Address::parse(address));
    const Rule* const rule = rules->decide(request);
    REQUIRE(rule);
    return rule->permit;
  };
  CHECK(may("dashboard", "10.0.0.9", Action::subscribe, "$SYS/#"));
  CHECK(may("dashboard", "10.0.0.9", Action::subscribe, "$SYS/brokers/+/version"));
  CHECK(may("", "127.0.0.1", Action::subscribe, "$SYS/#"));
  CHECK(may("", "127.0.0.1", Action::subscribe, "#"));
  CHECK_FALSE(may("", "10.0.0.9", Action::subscribe, "$SYS/#"));
  CHECK_FALSE(may("", "10.0.0.9", Action::subscribe, "#"));
  CHECK_FALSE(may("", "127.0.0.2", Action::subscribe, "#"));
  CHECK(may("", "10.0.0.9", Action::subscribe, "+/#"));  // eq: only the very text
  CHECK(may("", "10.0.0.9", Action::subscribe, "a/#"));
  CHECK(may("ann", "10.0.0.9", Action::publish, "a/b"));
}

TEST_CASE("every form of a rule") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"{deny, all}.", "deny all publish and subscribe any topic"},
      {"{allow,{client,\"x\"},publish,[\"a\"]}.", R"(allow client "x" publish "a")"},
      {"{allow, {client, <<\"x\">>}, publish, <<\"a\">>}.", R"(allow client "x" publish "a")"},
      {"{allow, {user, ann}, pubsub, \"a\"}.", R"(allow user "ann" publish and subscribe "a")"},
      {"{allow, {user, all}, publish, [\"a\"]}.", R"(allow all publish "a")"},
      {"{allow, {client, all}, publish, [\"a\"]}.", R"(allow all publish "a")"},
      {"{allow, {ipaddr, \"10.0.0.0/8\"}, publish, [\"a\"]}.",
       R"(allow address 10.0.0.0/8 publish "a")"},
      {"{allow, {'and', [{user, \"a\"}, {ipaddr, \"::1\"}]}, publish, [\"t\"]}.",
       R"(allow user "a" and address ::1 publish "t")"},
      {"{deny, {'or', [{user, \"a\"}, {'and', [{client, \"b\"}, {user, \"c\"}]}]}, subscribe, "
       "[{eq, \"#\"}, {eq, <<\"a/b\">>}]}.",
       R"(deny user "a" or (client "b" and user "c") subscribe "eq #", "eq a/b")"},
      {"{'allow', 'all'}.", "allow all publish and subscribe any topic"},
      {"{allow\n ,%% who\n all }%\n.\n", "allow all publish and subscribe any topic"},
      {"{allow, all, publish, [\"a/\" \"b\"\n \"/c\"]}.", R"(allow all publish "a/b/c")"},
      {"{allow, all, publish, [\"a/%u/%c\", \"x%u\"]}.", R"(allow all publish "a/%u/%c", "x%u")"},
  };
  for (const auto& [row, shown] : rows) {
    const auto& text = row;
    CAPTURE(text);
    CHECK(first(text) == shown);
  }
}

TEST_CASE("texts, atoms and escapes") {
  TermReader reader(
      "\"tab\\t quote\\\" back\\\\ oct\\101 hex\\x41 uni\\x{20ac} \xc3\xa4\" . 'an Atom' . "
      "<< \"b\" /utf8 >> . <<>> . [] . {} . -12 . x_1@y . \"\" .");
  Term term;
  REQUIRE(reader.next(term));
  CHECK(term.text == "tab\t quote\" back\\ octA hexA uni\xe2\x82\xac \xc3\xa4");
  REQUIRE(reader.next(term));
  CHECK(term.is_atom("an Atom"));
  REQUIRE(reader.next(term));
  CHECK(term.kind == Term::Kind::binary);
  CHECK(term.text == "b");
  REQUIRE(reader.next(term));
  CHECK(term.kind == Term::Kind::binary);
  CHECK(term.text.empty());
  REQUIRE(reader.next(term));
  CHECK(term.kind == Term::Kind::list);
  REQUIRE(reader.next(term));
  CHECK(term.kind == Term::Kind::tuple);
  REQUIRE(reader.next(term));
  CHECK(term.kind == Term::Kind::integer);
  CHECK(term.text == "-12");
  REQUIRE(reader.next(term));
  CHECK(term.is_atom("x_1@y"));
  REQUIRE(reader.next(term));
  CHECK(term.kind == Term::Kind::string);
  CHECK_FALSE(reader.next(term));
}

TEST_CASE("every refusal names line, column and rule") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      // The grammar.
      {"{allow, all}", "acl.conf:1:1: rule 1: the file ends within this term"},
      {"{allow, all}.\n{deny, all}\n{allow, all}.", "acl.conf:3:1: rule 2: a full stop is missing"},
      {"{allow, all}.{deny, all}.", "acl.conf:1:14: rule 1: a blank or a new line is missing"},
      {"{allow, all", "acl.conf:1:12: rule 1: the file ends before a '}'"},
      {"{allow,", "acl.conf:1:8: rule 1: the file ends where a term is due"},
      {"{allow all}.", "acl.conf:1:8: rule 1: a comma or '}' is missing"},
      {"{allow, all,}.", "acl.conf:1:13: rule 1: a term is missing between ',' and '}'"},
      {"%\n{allow, \xc3\xa4}.", "acl.conf:2:9: rule 1: unexpected"},
      {"{allow, {user, \"\xc3\xa4\"}, up, [\"a\"]}.", "acl.conf:1:22: rule 1: what is publish"},
      {"{allow, Who, publish, [\"a\"]}.", "acl.conf:1:9: rule 1: a variable"},
      {"{allow, {user, \"x}, publish, [a]}.", "acl.conf:1:16: rule 1: the quotation mark has no"},
      {"{allow, {user, 'x}, publish, [a]}.", "acl.conf:1:16: rule 1: the quotation mark has no"},
      {"{allow, {user, \"\\q\"}, publish, [\"a\"]}.", "acl.conf:1:17: rule 1: no such escape"},
      {"{allow, {user, \"\\x{110000}\"}}.", "acl.conf:1:17: rule 1: an escape that stands for no"},
      {"{allow, {user, \"\\x{d800}\"}}.", "acl.conf:1:17: rule 1: an escape that stands for no"},
      {"{allow, {user, \"\\0\"}}.", "acl.conf:1:17: rule 1: an escape that stands for no"},
      {"{allow, {user, \"\\x{41\"}}.", "acl.conf:1:22: rule 1: an escape \\x{...} needs"},
      {"{allow, {user, \"\\xg\"}}.", "acl.conf:1:19: rule 1: an escape needs digits"},
      {"{allow, {user, \"\\", "acl.conf:1:17: rule 1: no such escape"},
      {"{allow, <<1,2>>}.", "acl.conf:1:11: rule 1: a binary is"},
      {"{allow, -}.", "acl.conf:1:10: rule 1: a number needs digits"},
      {"{allow, 16#ff}.", "acl.conf:1:11: rule 1: only whole decimal numbers"},
      {"{allow, [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}.", "acl.conf:1:25: rule 1: nested too"},
      // What rules are.
      {"{}.", "acl.conf:1:1: rule 1: a rule is a tuple of two or four"},
      {"{allow, all, publish}.", "acl.conf:1:1: rule 1: a rule is a tuple of two or four"},
      {"{\"allow\", all}.", "acl.conf:1:2: rule 1: a rule begins with allow or deny, not the text"},
      {"{permit, all}.", "acl.conf:1:2: rule 1: a rule begins with allow or deny, not the atom"},
      {"{allow, {user, \"x\"}}.", "acl.conf:1:9: rule 1: a short rule is for all"},
      {"{allow, everybody, publish, [\"a\"]}.", "acl.conf:1:9: rule 1: who is all, {user"},
      {"{allow, {user, \"a\", \"b\"}, publish, [\"a\"]}.", "acl.conf:1:9: rule 1: who is all"},
      {"{allow, {group, \"a\"}, publish, [\"a\"]}.", "acl.conf:1:10: rule 1: who is all"},
      {"{allow, {user, [\"a\"]}, publish, [\"a\"]}.", "acl.conf:1:16: rule 1: a name is a text"},
      {"{allow, {user, \"\"}, publish, [\"a\"]}.", "acl.conf:1:16: rule 1: the name is empty"},
      {"{allow, {user, 7}, publish, [\"a\"]}.", "acl.conf:1:16: rule 1: a name is a text"},
      {"{allow, {ipaddr, \"10.0.0\"}, publish, [\"a\"]}.",
       "acl.conf:1:18: rule 1: \"10.0.0\" is no"},
      {"{allow, {ipaddr, \"10.0.0.0/33\"}, publish, [\"a\"]}.",
       "acl.conf:1:18: rule 1: \"10.0.0.0"},
      {"{allow, {'and', []}, publish, [\"a\"]}.", "acl.conf:1:17: rule 1: 'and' and 'or' take"},
      {"{allow, {'or', {user, \"a\"}}, publish, [\"a\"]}.", "acl.conf:1:16: rule 1: 'and' and"},
      {"{allow, {'or', [{user, \"a\"}, bob]}, publish, [\"a\"]}.", "acl.conf:1:30: rule 1: who is"},
      {"{allow, all, write, [\"a\"]}.", "acl.conf:1:14: rule 1: what is publish, subscribe or"},
      {"{allow, all, publish, []}.", "acl.conf:1:23: rule 1: the list of topics is empty"},
      {"{allow, all, publish, [a]}.", "acl.conf:1:24: rule 1: a topic is \"a/b/#\" or {eq"},
      {"{allow, all, publish, [{ne, \"a\"}]}.", "acl.conf:1:24: rule 1: a topic is"},
      {"{allow, all, publish, [\"a/b#\"]}.", "acl.conf:1:24: rule 1: topic \"a/b#\": a wildcard"},
      {"{allow, all, publish, [\"\"]}.", "acl.conf:1:24: rule 1: a topic is empty"},
      {"{allow, all, publish, [{eq, \"\"}]}.", "acl.conf:1:24: rule 1: a topic is empty"},
      // Other rules count, too.
      {"{allow, all}.\n\n{deny, all}.\n {allow, x}.\n", "acl.conf:4:10: rule 3: a short rule"},
      {"%\n\xff", "acl.conf:2: not UTF-8 text"},
  };
  for (const auto& [row, what] : rows) {
    const auto& text = row;
    CAPTURE(text);
    const std::string got = refusal(text);
    CHECK_MESSAGE(got.starts_with(what), got);
  }
}

TEST_CASE("a long nest is refused, not followed") {
  CHECK(refusal("%\n" + std::string(1'000'000, '[')).find("nested too deep") != std::string::npos);
  CHECK(refusal("%\n" + std::string(1'000'000, '{')).find("nested too deep") != std::string::npos);
}

TEST_CASE("the format is seen from what the file holds") {
  CHECK(good("%% nothing yet\n")->rules().empty());
  CHECK(good("\n\n {allow, all}.")->rules().size() == 1);
  CHECK(good("\xef\xbb\xbf{allow, all}.")->rules().size() == 1);
  for (const std::string_view toml :
       {"", "# nothing\n", "[[rule]]\npermit = 'deny'\nall = true\n"}) {
    const auto loaded = load_rules(toml, "acl.conf");
    REQUIRE_MESSAGE(loaded, loaded.text());
    CHECK((*loaded)->dialect() == Dialect::toml);
  }
}
