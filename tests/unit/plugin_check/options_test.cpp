#include "tools/plugin_check/options.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using keel::check::Options;
using Action = Options::Action;

namespace {

Options parse(std::vector<const char*> words) {
  words.insert(words.begin(), "plugin_check");
  return keel::check::parse(static_cast<int>(words.size()), words.data());
}

}  // namespace

TEST_CASE("a file alone is checked 100 times") {
  const Options options = parse({"hello.so"});
  CHECK(options.action == Action::check);
  CHECK(options.file == "hello.so");
  CHECK(options.cycles == 100);
  CHECK_FALSE(options.json);
}

TEST_CASE("options stand before and behind the file") {
  const Options options =
      parse({"--lint", "--json", "a.so", "--name", "a", "--version", "1.0", "--settings", "a.conf",
             "--with", "b.so", "--with", "c.so", "--broker", "keel", "--cycles", "7"});
  CHECK(options.action == Action::lint);
  CHECK(options.file == "a.so");
  CHECK(options.json);
  CHECK(options.name == "a");
  CHECK(options.version == "1.0");
  CHECK(options.settings == "a.conf");
  CHECK(options.with == std::vector<std::string>{"b.so", "c.so"});
  CHECK(options.broker == "keel");
  CHECK(options.cycles == 7);
}

TEST_CASE("help and version need no file") {
  CHECK(parse({"--help"}).action == Action::help);
  CHECK(parse({"-h", "--nonsense"}).action == Action::help);
  CHECK(parse({"--version"}).action == Action::version);
}

TEST_CASE("refusals name the cause") {
  const struct {
    std::vector<const char*> words;
    const char* cause;
  } cases[] = {
      {{}, "name the plugin's file"},
      {{"--json"}, "name the plugin's file"},
      {{"a.so", "b.so"}, "one plugin at a time: 'a.so' and 'b.so'"},
      {{"a.so", "--nonsense"}, "unknown option '--nonsense'"},
      {{"a.so", "--cycles"}, "--cycles needs a value"},
      {{"a.so", "--cycles", "0"}, "--cycles takes a number from 1 to 100000"},
      {{"a.so", "--cycles", "-1"}, "--cycles takes a number from 1 to 100000"},
      {{"a.so", "--cycles", "7x"}, "--cycles takes a number from 1 to 100000"},
      {{"a.so", "--cycles", "99999999999"}, "--cycles takes a number from 1 to 100000"},
      {{"a.so", "--with"}, "--with needs a value"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.cause);
    const Options options = parse(c.words);
    CHECK(options.action == Action::refuse);
    CHECK(options.refusal == c.cause);
  }
}
