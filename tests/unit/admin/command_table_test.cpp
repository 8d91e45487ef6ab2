#include "kernel/admin/command_table.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/unit/admin/support.hpp"

using namespace keel::kernel;
using keel::test::Output;
using keel::test::run;

namespace {

void add_two(CommandTable& table) {
  table.add("fruit", {{"fruit list", "List it"}, {"fruit eat <Name>", "Eat one"}},
            [](Args args, Reply& reply) {
              if (fits(args, "list")) return reply.ok("apple");
              if (fits(args, "eat *")) return reply.fail("no " + args[1]);
              return Exit::usage;
            });
  table.add("alone", {{"alone", "Stand alone"}}, [](Args, Reply& reply) { return reply.ok(); });
}

}  // namespace

TEST_CASE("forms of arguments") {
  const std::vector<std::string> none, one = {"show"}, two = {"show", "x"}, odd = {"show", ""};
  CHECK(fits(none, ""));
  CHECK_FALSE(fits(none, "show"));
  CHECK(fits(one, "show"));
  CHECK_FALSE(fits(one, "show *"));
  CHECK(fits(two, "show *"));
  CHECK_FALSE(fits(two, "show"));
  CHECK_FALSE(fits(two, "list *"));
  CHECK(fits(odd, "show *"));
  CHECK(fits(two, "* *"));
}

TEST_CASE("--json may stand anywhere, behind -- every word is literal") {
  const auto first = CommandLine::parse({"--json", "clients", "list"});
  CHECK(first.json);
  CHECK(first.words == std::vector<std::string>{"clients", "list"});
  const auto last = CommandLine::parse({"clients", "show", "x", "--json"});
  CHECK(last.json);
  CHECK(last.words == std::vector<std::string>{"clients", "show", "x"});
  const auto literal = CommandLine::parse({"clients", "show", "--", "--json", "--"});
  CHECK_FALSE(literal.json);
  CHECK(literal.words == std::vector<std::string>{"clients", "show", "--json", "--"});
  CHECK(CommandLine::parse({}).words.empty());
}

TEST_CASE("commands run with the words behind their name") {
  CommandTable table;
  add_two(table);
  CHECK(run(table, {"fruit", "list"}) == Output{Exit::ok, "apple\n"});
  CHECK(run(table, {"fruit", "eat", "pear"}) == Output{Exit::error, "no pear\n"});
  CHECK(run(table, {"alone"}) == Output{Exit::ok, ""});
  CHECK(run(table, {"fruit", "list", "--json"}) == Output{Exit::ok, "{\"result\":\"apple\"}\n"});
  CHECK(run(table, {"fruit", "eat", "\"", "--json"}) ==
        Output{Exit::error, "{\"error\":\"no \\\"\"}\n"});
  CHECK(run(table, {"alone", "--json"}) == Output{Exit::ok, "{\"result\":\"ok\"}\n"});
}

TEST_CASE("wrong arguments print the usage of that command") {
  CommandTable table;
  add_two(table);
  const Output out = run(table, {"fruit", "peel"});
  CHECK(out.code == Exit::usage);
  CHECK(out.text ==
        "fruit list                                      # List it\n"
        "fruit eat <Name>                                # Eat one\n");
  CHECK(run(table, {"fruit", "peel", "--json"}).text ==
        R"({"error":"usage","usage":[{"usage":"fruit list","summary":"List it"},)"
        R"({"usage":"fruit eat <Name>","summary":"Eat one"}]})"
        "\n");
}

TEST_CASE("no command, an unknown one and help print all usages") {
  CommandTable table;
  add_two(table);
  const std::string all = "alone                                           # Stand alone\n" +
                          std::string(80, '-') +
                          "\n"
                          "fruit list                                      # List it\n"
                          "fruit eat <Name>                                # Eat one\n";
  CHECK(run(table, {}) == Output{Exit::usage, all});
  CHECK(run(table, {"help"}) == Output{Exit::ok, all});
  CHECK(run(table, {"--help"}) == Output{Exit::ok, all});
  const Output unknown = run(table, {"veg\x1b[2J"});
  CHECK(unknown.code == Exit::usage);
  CHECK(unknown.text == all + "\nUnknown command 'veg\\x1b[2J'.\n");
}

TEST_CASE("commands come and go; one that throws is an error") {
  CommandTable table;
  add_two(table);
  table.add("fruit", {{"fruit", "Another"}}, [](Args, Reply& reply) { return reply.ok("new"); });
  CHECK(run(table, {"fruit"}).text == "new\n");
  table.remove("fruit");
  table.remove("fruit");
  CHECK(run(table, {"fruit"}).code == Exit::usage);
  table.add("bad", {{"bad", ""}}, [](Args, Reply&) -> Exit { throw std::runtime_error("broken"); });
  CHECK(run(table, {"bad"}) == Output{Exit::error, "bad: broken\n"});
}

TEST_CASE("lists stream in pieces and stop when the reader is gone") {
  std::size_t pieces = 0, largest = 0;
  Reply reply(
      [&](std::string_view piece) {
        largest = std::max(largest, piece.size());
        return ++pieces < 3;
      },
      false);
  reply.begin_list();
  int sent = 0;
  while (reply.alive() && sent < 1'000'000) {
    ListChunk chunk(false);
    for (int i = 0; i < 100; ++i, ++sent) chunk.add("an entry of a list");
    reply.append(chunk);
  }
  CHECK(pieces == 3);
  CHECK(largest < 64 * 1024);
  CHECK(sent < 10'000);
}

TEST_CASE("a list as JSON is one array") {
  const auto list = [](std::vector<std::vector<std::string>> chunks) {
    std::string text;
    Reply reply([&](std::string_view piece) { return text += piece, true; }, true);
    reply.begin_list();
    for (const auto& entries : chunks) {
      ListChunk chunk(true);
      for (const auto& entry : entries) chunk.add(entry);
      reply.append(chunk);
    }
    reply.end_list();
    reply.flush();
    std::erase(text, '\n');
    return text;
  };
  CHECK(list({}) == "[]");
  CHECK(list({{}, {}}) == "[]");
  CHECK(list({{"1"}}) == "[1]");
  CHECK(list({{"1", "2"}, {}, {"3"}, {"4", "5"}}) == "[1,2,3,4,5]");
}
