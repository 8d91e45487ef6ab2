#include "kernel/config/schema.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernel/config/schema_reader.hpp"

using namespace keel::kernel;

namespace {

using SchemaTexts = std::vector<std::string>;

Schema sample_schema() {
  std::vector<SettingSpec> specs;
  specs.push_back({.key = "on", .type = SettingType::boolean});
  specs.push_back({.key = "count", .type = SettingType::integer, .min = 1, .max = 9});
  specs.push_back({.key = "any", .type = SettingType::integer});
  specs.push_back({.key = "mode", .type = SettingType::octal, .max = 0777});
  specs.push_back({.key = "ratio", .type = SettingType::floating, .low = 1, .high = 2.5});
  specs.push_back({.key = "name", .type = SettingType::string, .may_be_empty = false});
  specs.push_back({.key = "text", .type = SettingType::string});
  specs.push_back({.key = "list", .type = SettingType::strings});
  specs.push_back({.key = "some", .type = SettingType::strings, .choices = {"x", "y"}});
  specs.push_back({.key = "wait", .type = SettingType::duration, .max = 60'000});
  specs.push_back({.key = "wait_ms", .type = SettingType::duration, .unit_ms = 1});
  specs.push_back({.key = "life", .type = SettingType::duration, .step_ms = 1000});
  specs.push_back({.key = "room", .type = SettingType::size, .min = 16, .max = 1'048'576});
  specs.push_back({.key = "pick", .type = SettingType::choice, .choices = {"a", "b", "c"}});
  specs.push_back({.key = "at", .type = SettingType::address, .may_be_empty = false});
  specs.push_back({.key = "password", .type = SettingType::string, .secret = true});
  specs.push_back({.key = "gateway.sn.port", .type = SettingType::address});
  specs.push_back({.key = "user.*.level", .type = SettingType::integer});
  return Schema(std::move(specs));
}

std::optional<std::string> nothing_known(const std::vector<std::string>&) { return std::nullopt; }

// The value of the only entry, or the problem.
struct Outcome {
  Value value;
  std::string problem;
};
Outcome judge(std::vector<Entry> entries, Problems& problems) {
  const auto schema = sample_schema();
  const auto checked = check_entries(schema, std::move(entries), nothing_known, problems);
  return {checked.empty() ? Value() : checked.back().value, problems.text()};
}
Outcome from_file(std::string_view text) {
  Problems problems;
  std::vector<Entry> entries;
  read_toml(text, "f", entries, problems);
  return judge(std::move(entries), problems);
}
Outcome from_set(std::string_view text) {
  Problems problems;
  std::vector<Entry> entries;
  read_override(text, entries, problems);
  return judge(std::move(entries), problems);
}
Value integer(std::int64_t number) { return number; }

}  // namespace

TEST_CASE("good values of every type") {
  struct Case {
    const char* text;
    Value value;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"on = true", true},
           {"on = \"off\"", false},
           {"on = 'on'", true},
           {"count = 9", integer(9)},
           {"count = 0x1", integer(1)},
           {"mode = 0o660", integer(0660)},
           {"ratio = 1.5", 1.5},
           {"ratio = 2", 2.0},
           {"name = 'n'", "n"},
           {"text = ''", ""},
           {"text = 'grün'", "grün"},
           {"list = []", SchemaTexts{}},
           {"list = ['a', 'b']", SchemaTexts{"a", "b"}},
           {"some = ['y']", SchemaTexts{"y"}},
           {"wait = '500ms'", integer(500)},
           {"wait = 20", integer(20'000)},
           {"wait_ms = 20", integer(20)},
           {"wait_ms = '20s'", integer(20'000)},
           {"life = '2h'", integer(7'200'000)},
           {"room = 16", integer(16)},
           {"room = '1MB'", integer(1'048'576)},
           {"pick = 'b'", "b"},
           {"at = 1883", "1883"},
           {"at = '127.0.0.1:1883'", "127.0.0.1:1883"},
           {"at = 'localhost:1883'", "127.0.0.1:1883"},
           {"at = 'unix:a.sock'", "unix:a.sock"},
           {"gateway.sn.port = 1884", "1884"},
           {"[gateway.sn]\nport = 1884", "1884"},
           {"[user.joe]\nlevel = 3", integer(3)},
       }) {
    CAPTURE(c.text);
    const auto outcome = from_file(c.text);
    CHECK(outcome.problem == "");
    CHECK((outcome.value == c.value));
  }
}

TEST_CASE("bad values of every type, each with place, cause and remedy") {
  struct Case {
    const char* text;
    const char* problem;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"on = 1", "f:1:6: 'on' is 1; give true or false"},
           {"on = 'yes'", "f:1:6: 'on' is \"yes\"; give true or false"},
           {"count = 0", "f:1:9: 'count' is 0; give a whole number from 1 to 9"},
           {"count = 10", "f:1:9: 'count' is 10; give a whole number from 1 to 9"},
           {"count = 1.5", "f:1:9: 'count' is 1.5; give a whole number from 1 to 9"},
           {"count = '5'", "f:1:9: 'count' is \"5\"; give a whole number from 1 to 9"},
           {"any = -1", "f:1:7: 'any' is -1; give a whole number, 0 or more"},
           {"any = 'infinity'", "f:1:7: 'any' is \"infinity\"; give a whole number, 0 or more"},
           {"mode = 660", "f:1:8: 'mode' is 660; give an octal number from 0o0 to 0o777"},
           {"ratio = 0.9", "f:1:9: 'ratio' is 0.9; give a number from 1.0 to 2.5"},
           {"ratio = nan", "f:1:9: 'ratio' is nan; give a number from 1.0 to 2.5"},
           {"ratio = inf", "f:1:9: 'ratio' is inf; give a number from 1.0 to 2.5"},
           {"name = ''", "f:1:8: 'name' is \"\"; give a text in \"quotes\", not empty"},
           {"name = 7", "f:1:8: 'name' is 7; give a text in \"quotes\", not empty"},
           {"text = \"a\\u0000b\"", "f:1:8: 'text' is \"a\\u0000b\"; give a text in \"quotes\""},
           {"text = 2026-01-01", "f:1:8: 'text' is a date or time; give a text in \"quotes\""},
           {"list = 'a'", "f:1:8: 'list' is \"a\"; give a list of texts such as [\"a\", \"b\"]"},
           {"list = [1]",
            "f:1:8: 'list' is a list of other things than strings; give a list of texts "
            "such as [\"a\", \"b\"]"},
           {"some = ['z']", "f:1:8: 'some' is [\"z\"]; give a list of \"x\" or \"y\""},
           {"wait = '61s'",
            "f:1:8: 'wait' is \"61s\"; give a duration such as \"20s\" or \"15m\" from 0s to 1m"},
           {"wait = -1",
            "f:1:8: 'wait' is -1; give a duration such as \"20s\" or \"15m\" from 0s to 1m"},
           {"wait = 9223372036854775807",
            "f:1:8: 'wait' is 9223372036854775807; give a duration such "
            "as \"20s\" or \"15m\" from 0s to 1m"},
           {"wait_ms = 'soon'",
            "f:1:11: 'wait_ms' is \"soon\"; give a duration such as \"20s\" or \"15m\""},
           {"life = '500ms'",
            "f:1:8: 'life' is \"500ms\"; give a duration in whole seconds such as "
            "\"20s\" or \"15m\""},
           {"room = '2MB'",
            "f:1:8: 'room' is \"2MB\"; give a size such as \"64KB\" or \"1MB\" from 16 to 1MB"},
           {"pick = 'd'", "f:1:8: 'pick' is \"d\"; give \"a\", \"b\" or \"c\""},
           {"pick = true", "f:1:8: 'pick' is true; give \"a\", \"b\" or \"c\""},
           {"at = 'nowhere:1'",
            "f:1:6: 'at' is \"nowhere:1\"; give a port, \"address:port\", \"[ipv6]:port\" or "
            "\"unix:PATH\", addresses as numbers"},
           {"at = 65536",
            "f:1:6: 'at' is 65536; give a port, \"address:port\", \"[ipv6]:port\" or "
            "\"unix:PATH\", addresses as numbers"},
           {"password = 5", "f:1:12: 'password' is malformed; give a text in \"quotes\""},
           {"gateway = 1",
            "f:1:1: 'gateway' is a section, not a key; write [gateway] and its keys below"},
           {"[[user]]\nlevel = 1",
            "f:1:3: 'user' is a section, not a key; write [user] and its keys below"},
           {"[user.'a b']\nlevel = 1",
            "f:1:7: the name in 'user.\"a b\"' is not plain; use up to 64 letters, digits, '-' and "
            "'_'\nf:2:1: the name in 'user.\"a b\".level' is not plain; use up to 64 letters, "
            "digits, "
            "'-' and '_'"},
       }) {
    CAPTURE(c.text);
    CHECK(from_file(c.text).problem == c.problem);
  }
}

TEST_CASE("unknown keys and sections come with a suggestion") {
  struct Case {
    const char* text;
    const char* problem;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"cuont = 1", "f:1:1: unknown key 'cuont'; did you mean 'count'?"},
           {"\n  rato = 1", "f:2:3: unknown key 'rato'; did you mean 'ratio'?"},
           {"[gateway.sn]\nprot = 1",
            "f:2:1: unknown key 'gateway.sn.prot'; did you mean "
            "'gateway.sn.port'?"},
           {"[user.joe]\nlevl = 1",
            "f:2:1: unknown key 'user.joe.levl'; did you mean 'user.joe.level'?"},
           {"port = 1", "f:1:1: unknown key 'port'; did you mean 'gateway.sn.port'?"},
           {"count.x = 1", "f:1:7: unknown key 'count.x'; did you mean 'count'?"},
           {"zzzzzz = 1",
            "f:1:1: unknown key 'zzzzzz'; remove it, or see keel.conf(5) for the keys "
            "there are"},
           {"[gatway.sn]", "f:1:9: unknown section [gatway.sn]; did you mean [gateway.sn]?"},
           {"[wholly.other]",
            "f:1:9: unknown section [wholly.other]; remove it, or see keel.conf(5) "
            "for the sections there are"},
           {"'a\\nb' = 1",
            "f:1:1: unknown key '\"a\\\\nb\"'; remove it, or see keel.conf(5) for the "
            "keys there are"},
       }) {
    CAPTURE(c.text);
    CHECK(from_file(c.text).problem == c.problem);
  }
}

TEST_CASE("--set takes TOML, or the text itself") {
  struct Case {
    const char* text;
    Value value;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"count=5", integer(5)},
           {" count = 5 ", integer(5)},
           {"on=true", true},
           {"on=on", true},
           {"at=\"127.0.0.1:1883\"", "127.0.0.1:1883"},
           {"at=127.0.0.1:1883", "127.0.0.1:1883"},
           {"at=1883", "1883"},
           {"at=[::1]:1883", "[::1]:1883"},
           {"wait=15s", integer(15'000)},
           {"room=64KB", integer(65'536)},
           {"pick=b", "b"},
           {"name=12345", "12345"},
           {"name=true", "true"},
           {"name=1.20", "1.20"},
           {"name=2026-01-01", "2026-01-01"},
           {"name=a=b", "a=b"},
           {"text=", ""},
           {"text=a b", "a b"},
           {"list=a, b,", SchemaTexts{"a", "b"}},
           {"list=[\"a\", \"b\"]", SchemaTexts{"a", "b"}},
           {"list=7", SchemaTexts{"7"}},
           {"list=", SchemaTexts{}},
           {"gateway={sn={port=1884}}", "1884"},
           {"user.joe.level=3", integer(3)},
       }) {
    CAPTURE(c.text);
    const auto outcome = from_set(c.text);
    CHECK(outcome.problem == "");
    CHECK((outcome.value == c.value));
  }
}

TEST_CASE("--set names itself in errors, without the value") {
  struct Case {
    const char* text;
    const char* problem;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"count=50", "--set count=...: 'count' is 50; give a whole number from 1 to 9"},
           {"count=many", "--set count=...: 'count' is \"many\"; give a whole number from 1 to 9"},
           {"cout=5", "--set cout=...: unknown key 'cout'; did you mean 'count'?"},
           {"count", "--set count=...: not an assignment; write --set section.key=value"},
           {"=5", "--set =...: not an assignment; write --set section.key=value"},
           {"a..b=5", "--set a..b=...: not an assignment; write --set section.key=value"},
           {"a b=5", "--set a b=...: not an assignment; write --set section.key=value"},
           {"name=\xff", "--set name=...: the value is not valid UTF-8 text; write it in UTF-8"},
       }) {
    CAPTURE(c.text);
    CHECK(from_set(c.text).problem == c.problem);
  }
}

TEST_CASE("a broken file is one problem in our own form") {
  CHECK(from_file("count = \n").problem.find("f:1:") == 0);
  CHECK(from_file("count = 5\ncount = 6").problem.find("f:2:") == 0);
  const auto unquoted = from_file("\nname = keel@127.0.0.1\n").problem;
  CHECK(unquoted.find("f:2:") == 0);
  CHECK(unquoted.find(": not valid TOML: ") != std::string::npos);
  CHECK(unquoted.find("; write key = value, strings in \"quotes\"") != std::string::npos);
  CHECK(unquoted.find('\n') == std::string::npos);
}

TEST_CASE("a file of dots does not exhaust the stack") {
  std::string deep = "a";
  for (int i = 0; i < 400'000; ++i) deep += ".a";
  CHECK(from_file(deep + " = 1").problem == "f:1:1: too many dots; split the line");
  std::string wide = "text = '" + std::string(3'000, '.') + "'";
  CHECK(from_file(wide).problem == "");
  std::string nested = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t = 1";
  CHECK(from_file(nested).problem.find("unknown section [a.b.c.") != std::string::npos);
  CHECK(from_file("list = " + std::string(100'000, '[')).problem.find("f:1:") == 0);
}

TEST_CASE("all problems are reported, up to a limit") {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "x" + std::to_string(i) + "zzzzzzzzzz = 1\n";
  const auto problem = from_file(text).problem;
  CHECK(std::count(problem.begin(), problem.end(), '\n') == 20);
  CHECK(problem.ends_with("\nand 10 more"));
  CHECK(problem.find("f:20:1: ") != std::string::npos);
  CHECK(problem.find("f:21:1: ") == std::string::npos);
}

TEST_CASE("values print as TOML") {
  const auto schema = sample_schema();
  const auto print = [&](const char* key, Value value) {
    return print_value(*schema.find({key}), value);
  };
  CHECK(print("on", true) == "true");
  CHECK(print("mode", integer(0660)) == "0o660");
  CHECK(print("ratio", 2.0) == "2.0");
  CHECK(print("ratio", 1.5) == "1.5");
  CHECK(print("text", "a\"b") == R"("a\"b")");
  CHECK(print("list", SchemaTexts{"a"}) == R"(["a"])");
  CHECK(print("wait", integer(60'000)) == R"("1m")");
  CHECK(print("room", integer(65'536)) == R"("64KB")");
  CHECK(print("room", integer(100)) == "100");
  CHECK(print("any", Value()) == "unset");
}

TEST_CASE("edit distance and the nearest word") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("abc", "abc") == 0);
  CHECK(edit_distance("abc", "acb") == 1);
  CHECK(edit_distance("abc", "abxc") == 1);
  CHECK(edit_distance("abc", "ab") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(nearest("max_inflght", {"max_queued", "max_inflight"}) == "max_inflight");
  CHECK(nearest("ab", {"xy"}) == "");
  CHECK(nearest(std::string(200, 'a'), {std::string(200, 'a')}) == "");
}
