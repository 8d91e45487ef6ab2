// Rules in TOML: what they mean, and every refusal with its place.
#include <doctest/doctest.h>

#include "emqx_acl/load.hpp"

using namespace emqx_acl;

namespace {

Rules good(std::string_view text) {
  auto loaded = load_rules(text, "acl.conf");
  REQUIRE_MESSAGE(loaded, loaded.text());
  CHECK((*loaded)->dialect() == Dialect::toml);
  return *loaded;
}
// One rule of these lines.
std::string shown(std::string_view lines) {
  return good(keel::concat("[[rule]]\n", lines))->rules().at(0).text();
}
std::string refusal(std::string_view text) {
  const auto loaded = load_rules(text, "acl.conf");
  return loaded ? "loaded" : std::string(loaded.text());
}

}  // namespace

TEST_CASE("every key of a rule") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"permit = 'allow'\nall = true", "allow all publish and subscribe any topic"},
      {"permit = 'deny'\nuser = 'ann'\naction = 'publish'", R"(deny user "ann" publish any topic)"},
      {"permit = 'allow'\nuser = ['bob', 'ann', 'bob']\naction = 'all'",
       R"(allow user in ["ann", "bob"] publish and subscribe any topic)"},
      {"permit = 'allow'\nclient = 'c'\naction = 'subscribe'\ntopics = 'a/#'",
       R"(allow client "c" subscribe "a/#")"},
      {"permit = 'allow'\nlistener = 'mqtts'\nqos = 1",  // one number
       R"(allow listener "mqtts" publish and subscribe qos 1 any topic)"},
      {"permit = 'allow'\naddress = ['10.0.0.0/8', '::1']\nqos = [0, 2]",
       R"(allow address in [10.0.0.0/8, ::1] publish and subscribe qos 0,2 any topic)"},
      {"permit = 'deny'\nall = true\naction = 'publish'\nretain = true\ntopics = ['a/%u', 'eq #']",
       R"(deny all publish retained "a/%u", "eq #")"},
      {"permit = 'deny'\nall = true\naction = 'publish'\nretain = false",
       "deny all publish not retained any topic"},
      {"permit = 'allow'\ncertificate = { cn = 'door', dn = ['x', 'y'] }",
       R"(allow certificate cn "door" and certificate dn in ["x", "y"] publish and subscribe )"
       "any topic"},
      {"permit = 'allow'\ncertificate.san = 'door.example'",
       R"(allow certificate san "door.example" publish and subscribe any topic)"},
      {"permit = 'allow'\nuser = 'ann'\naddress = '10.0.0.0/8'",
       R"(allow address 10.0.0.0/8 and user "ann" publish and subscribe any topic)"},
      {"permit = 'allow'\nor = [{ user = 'ann' }, { client = 'c', address = 'unix' }]",
       R"(allow user "ann" or (address unix and client "c") publish and subscribe any topic)"},
      {"permit = 'allow'\nand = [{ or = [{ user = 'a' }, { user = 'b' }] }, { client = 'c' }]",
       R"(allow (user "a" or user "b") and client "c" publish and subscribe any topic)"},
  };
  for (const auto& [row, text] : rows) {
    const auto& lines = row;
    CAPTURE(lines);
    CHECK(shown(lines) == text);
  }
}

TEST_CASE("rules keep their order and know their lines") {
  const Rules rules = good(
      "# comment\n[[rule]]\npermit = 'allow'\nuser = 'a'\n\n[[rule]]\npermit = 'deny'\nall = "
      "true\n");
  REQUIRE(rules->rules().size() == 2);
  CHECK(rules->rules()[0].permit);
  CHECK(rules->rules()[0].at.line == 2);
  CHECK(rules->rules()[1].at.line == 6);
  CHECK(rules->number(rules->rules()[1]) == 2);
}

TEST_CASE("every refusal names line, column and rule") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"[[rule]\n", "acl.conf:1:8: not valid TOML:"},
      {"[[rule]]\npermit = allow\n", "acl.conf:2:10: not valid TOML:"},
      {"[[rule]]\npermit = 'allow'\npermit = 'deny'\n", "acl.conf:3:10: not valid TOML:"},
      {"rule = 1\n", "acl.conf:1:8: begin each rule with [[rule]]"},
      {"[rule]\npermit = 'allow'\n", "acl.conf:1:1: begin each rule with [[rule]]"},
      {"rule = [1]\n", "acl.conf:1:9: rule 1: a rule is a table"},
      {"[[rules]]\npermit = 'allow'\n", "acl.conf:1:3: unknown key \"rules\""},
      {"acl_nomatch = 'deny'\n", "acl.conf:1:1: unknown key \"acl_nomatch\""},
      {"[[rule]]\nall = true\n", "acl.conf:1:1: rule 1: permit is missing"},
      {"[[rule]]\npermit = 'yes'\nall = true\n", "acl.conf:2:10: rule 1: permit is"},
      {"[[rule]]\npermit = true\nall = true\n", "acl.conf:2:10: rule 1: permit is"},
      {"[[rule]]\npermit = 'allow'\n", "acl.conf:1:1: rule 1: it does not say who"},
      {"[[rule]]\npermit = 'allow'\nall = false\n", "acl.conf:3:7: rule 1: all can only be true"},
      {"[[rule]]\npermit = 'allow'\nall = 'x'\n", "acl.conf:3:7: rule 1: all can only be true"},
      {"[[rule]]\npermit = 'allow'\nall = true\nuser = 'x'\n", "acl.conf:3:7: rule 1: all = true"},
      {"[[rule]]\npermit = 'allow'\nusers = 'x'\n", "acl.conf:3:1: rule 1: unknown key \"users\""},
      {"[[rule]]\npermit = 'allow'\nall = true\ntopic = 'x'\n",
       "acl.conf:4:1: rule 1: unknown key \"topic\""},
      {"[[rule]]\npermit = 'allow'\nuser = 7\n", "acl.conf:3:8: rule 1: user takes a text"},
      {"[[rule]]\npermit = 'allow'\nuser = ''\n", "acl.conf:3:8: rule 1: a text of user is empty"},
      {"[[rule]]\npermit = 'allow'\nuser = []\n", "acl.conf:3:8: rule 1: user is an empty list"},
      {"[[rule]]\npermit = 'allow'\nuser = ['a', 1]\n", "acl.conf:3:14: rule 1: user takes"},
      {"[[rule]]\npermit = 'allow'\nclient = {}\n", "acl.conf:3:10: rule 1: client takes a text"},
      {"[[rule]]\npermit = 'allow'\naddress = '10.0.0.300'\n",
       "acl.conf:3:11: rule 1: \"10.0.0.300\" is no address"},
      {"[[rule]]\npermit = 'allow'\naddress = ['::1', 'here']\n",
       "acl.conf:3:19: rule 1: \"here\" is no address"},
      {"[[rule]]\npermit = 'allow'\ncertificate = 'x'\n", "acl.conf:3:15: rule 1: certificate"},
      {"[[rule]]\npermit = 'allow'\ncertificate = {}\n", "acl.conf:3:15: rule 1: certificate"},
      {"[[rule]]\npermit = 'allow'\ncertificate = { ou = 'x' }\n",
       "acl.conf:3:17: rule 1: unknown key \"ou\""},
      {"[[rule]]\npermit = 'allow'\nand = []\n", "acl.conf:3:7: rule 1: and takes a list"},
      {"[[rule]]\npermit = 'allow'\nor = { user = 'x' }\n", "acl.conf:3:6: rule 1: or takes"},
      {"[[rule]]\npermit = 'allow'\nor = ['x']\n", "acl.conf:3:7: rule 1: or takes tables"},
      {"[[rule]]\npermit = 'allow'\nor = [{}]\n", "acl.conf:3:7: rule 1: it does not say who"},
      {"[[rule]]\npermit = 'allow'\nor = [{ user = 'x', topics = 'a' }]\n",
       "acl.conf:3:21: rule 1: unknown key \"topics\"; who it is about"},
      {"[[rule]]\npermit = 'allow'\nall = true\naction = 'write'\n",
       "acl.conf:4:10: rule 1: action is"},
      {"[[rule]]\npermit = 'allow'\nall = true\naction = 1\n", "acl.conf:4:10: rule 1: action is"},
      {"[[rule]]\npermit = 'allow'\nall = true\naction = ''\n", "acl.conf:4:10: rule 1: action is"},
      {"[[rule]]\npermit = 'allow'\nall = true\nqos = 3\n", "acl.conf:4:7: rule 1: qos takes"},
      {"[[rule]]\npermit = 'allow'\nall = true\nqos = [0, 'x']\n", "acl.conf:4:11: rule 1: qos"},
      {"[[rule]]\npermit = 'allow'\nall = true\nqos = []\n", "acl.conf:4:7: rule 1: qos is an"},
      {"[[rule]]\npermit = 'allow'\nall = true\nretain = true\n",
       "acl.conf:4:10: rule 1: retain is about publishing"},
      {"[[rule]]\npermit = 'allow'\nall = true\naction = 'subscribe'\nretain = true\n",
       "acl.conf:5:10: rule 1: retain is about publishing"},
      {"[[rule]]\npermit = 'allow'\nall = true\naction = 'publish'\nretain = 1\n",
       "acl.conf:5:10: rule 1: retain is true or false"},
      {"[[rule]]\npermit = 'allow'\nall = true\ntopics = []\n", "acl.conf:4:10: rule 1: topics is"},
      {"[[rule]]\npermit = 'allow'\nall = true\ntopics = ['a', 'b/#/c']\n",
       "acl.conf:4:16: rule 1: topic \"b/#/c\": nothing may follow '#'"},
      {"[[rule]]\npermit = 'allow'\nall = true\ntopics = 'a/%x'\n",
       "acl.conf:4:10: rule 1: topic \"a/%x\": a percent sign"},
      {"[[rule]]\npermit = 'allow'\nall = true\ntopics = 'eq '\n",
       "acl.conf:4:10: rule 1: a topic is missing behind eq"},
      {"[[rule]]\npermit = 'allow'\nall = true\n[[rule]]\npermit = 'deny'\n",
       "acl.conf:4:1: rule 2: it does not say who"},
      {"[[rule]]\nuser = '''a'''\n", "acl.conf:2: texts over several lines have no use"},
      {"[\nrule]]\n", "acl.conf:1: not valid TOML: a name or a value is missing"},
      {"[[rule]]\n [[.a]]\n", "acl.conf:2: not valid TOML: a name or a value is missing"},
      {"# one\n[[rule]]\nuser = [\"ann\", }]\naction = 'publish'\n",
       "acl.conf:3: not valid TOML: a name or a value is missing"},
      {"[[rule]]\nuser = \xc3\xa4\n", "acl.conf:2: not valid TOML: texts stand in"},
      {"[[rule]]\n\"\xc3\xa4\" = 1\n", "acl.conf:2: keys have no letters but ASCII"},
      {"[[\"\xc3\xa4\"]]\n", "acl.conf:1: keys have no letters but ASCII"},
      {"[[rule]]\nor = [{ user = 'x', '\xc3\xa4' = 1 }]\n", "acl.conf:2: keys have no letters"},
      {"a.b.c.d.e.f.g.h.i.j = 1\n", "acl.conf:1: too many dots"},
      {"user = '\xff'\n", "acl.conf:1: not UTF-8 text"},
  };
  for (const auto& [row, what] : rows) {
    const auto& text = row;
    CAPTURE(text);
    const std::string got = refusal(text);
    CHECK_MESSAGE(got.starts_with(what), got);
  }
}

TEST_CASE("nests and sizes have bounds") {
  std::string nest = "[[rule]]\npermit = 'allow'\nand = ";
  for (int i = 0; i < 40; ++i) nest += "[{ and = ";
  nest += "[{ all = true }]";
  for (int i = 0; i < 40; ++i) nest += " }]";
  CHECK(refusal(nest).find("nested too deep") != std::string::npos);
  CHECK(refusal("a = " + std::string(5'000'000, '[')).find("not valid TOML") != std::string::npos);
  CHECK(refusal(std::string(kMostBytes + 1, '#')).find("longer than 16 MiB") != std::string::npos);
  // Names have all letters there are.
  CHECK(
      shown(
          "permit = 'allow' # \xc3\xa4\nuser = [ # \xc3\xb6\n 'm\xc3\xbcller', \"\xef\xaf\xaf\" ]\n"
          "or = [{ client = '\xc3\xa4' }, { client = \"x\\\"\xc3\xa4\" }]")
          .find("m\xc3\xbcller") != std::string::npos);
  // Dots within texts and comments are no keys.
  CHECK(shown("permit = 'allow' # ........................\n"
              "address = ['10.0.0.1', \"10.0.0.2\", '10.0.0.3', '10.0.0.4']")
            .find("10.0.0.4") != std::string::npos);
}

TEST_CASE("a file that is not there says how to mend it") {
  const auto missing = load_file("/nonexistent/acl.conf");
  REQUIRE_FALSE(missing);
  CHECK(missing.text() ==
        "/nonexistent/acl.conf: cannot be read: No such file or directory; put the rules there, or "
        "let acl.file name the file");
  const auto folder = load_file("/tmp");
  REQUIRE_FALSE(folder);
  CHECK(folder.text() == "/tmp: is no file; let acl.file name one");
}
