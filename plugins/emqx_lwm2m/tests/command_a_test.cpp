// Commands of dialect A, of the documentation.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "emqx_lwm2m/command/command.hpp"
#include "known_objects.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

std::variant<Command, RefusedCommand> parsed(std::string_view payload) {
  static const Definitions definitions = test::known_objects();
  return parse_command(payload, Types{.definitions = &definitions}, CommandLimits());
}

Command accepted(std::string_view payload) {
  const auto result = parsed(payload);
  const auto* const refused = std::get_if<RefusedCommand>(&result);
  INFO(payload);
  REQUIRE_MESSAGE(!refused, refused->reason);
  CHECK(std::get<Command>(result).dialect == Dialect::a);
  return std::get<Command>(result);
}

// {"CmdID":5,"Command":<name>,<rest>}
std::string request(std::string_view name, std::string_view rest) {
  return std::string(R"({"CmdID":5,"Command":")")
      .append(name)
      .append(R"(",)")
      .append(rest)
      .append("}");
}
Command accepted(std::string_view name, std::string_view rest) {
  return accepted(request(name, rest));
}

RefusedCommand refused(std::string_view payload) {
  const auto result = parsed(payload);
  INFO(payload);
  REQUIRE(std::holds_alternative<RefusedCommand>(result));
  return std::get<RefusedCommand>(result);
}
std::string reason(std::string_view name, std::string_view rest) {
  const RefusedCommand what = refused(request(name, rest));
  const std::string error = what.reason == "security_object" ? "Unauthorized" : "Bad Request";
  CHECK(what.reply == std::string(R"({"CmdID":5,"Command":")")
                          .append(name)
                          .append(R"(","Error":")")
                          .append(error)
                          .append(R"("})"));
  return what.reason;
}

}  // namespace

TEST_CASE("the commands without a value") {
  struct {
    std::string_view name, path;
    Operation operation;
  } const cases[] = {
      {"Read", "/3/0/0", Operation::read},
      {"Discover", "/3/0", Operation::discover},
      {"Observe", "/3/0/13", Operation::observe},
      {"Cancel-Observe", "/3/0/13", Operation::cancel_observe},
      {"Execute", "/3/0/4", Operation::execute},
      {"Create", "/3303", Operation::create},
      {"Delete", "/3303/0", Operation::remove},
  };
  for (const auto& one : cases) {
    CAPTURE(one.name);
    const Command command =
        accepted(one.name, std::string(R"("BaseName":")").append(one.path).append("\""));
    CHECK(command.operation == one.operation);
    CHECK(command.name == one.name);
    CHECK(command.path == parse_path(one.path));
    CHECK(command.echo == R"("CmdID":5)");
    CHECK(command.items.empty());
    CHECK(command.chosen_by_device == (one.operation == Operation::create));
  }
}

TEST_CASE("the CmdID comes back as it is, nothing else does") {
  for (const std::string_view id : {"5", "\"5\"", "5.0", "12345678901234567890123", "null",
                                    "{\"a\":[1, 2]}", "true", "-0", "\"\\u00e9\""}) {
    const std::string echo = std::string(R"("CmdID":)").append(id);
    CHECK(accepted("{" + echo + R"(,"Command":"Read","BaseName":"/3","reqID":7})").echo == echo);
    CHECK(accepted(R"({"x":1,"Command":"Read","BaseName":"/3",)" + echo + "}").echo == echo);
  }
  CHECK(accepted(R"({"Command":"Read","BaseName":"/3"})").echo.empty());
  CHECK(accepted(R"({"CmdID":1,"Command":"Read","BaseName":"/3","CmdID":2})").echo ==
        R"("CmdID":2)");
}

TEST_CASE("msgType decides, where both are") {
  const auto result = parsed(
      R"({"CmdID":5,"Command":"Read","BaseName":"/3","msgType":"read","data":{"path":"5"}})");
  REQUIRE(std::holds_alternative<Command>(result));
  CHECK(std::get<Command>(result).dialect == Dialect::b);
  CHECK(std::get<Command>(result).echo == R"("CmdID":5,"Command":"Read","BaseName":"/3")");
}

TEST_CASE("a write") {
  Command command =
      accepted("Write", R"("Value":{"bn":"/3/0","e":[{"n":"13","v":12345},{"n":"14","sv":"x"}]})");
  CHECK(command.operation == Operation::write);
  CHECK(command.path == parse_path("/3/0"));
  REQUIRE(command.items.size() == 2);
  CHECK(command.items[0] == Item{*parse_path("/3/0/13"), {DataType::time, std::int64_t{12345}}});
  CHECK(command.items[1] == Item{*parse_path("/3/0/14"), {DataType::string, "x"s}});

  for (const std::string_view value :
       {R"({"bn":"/3/0/14","e":[{"sv":"x"}]})", R"({"bn":"3/0/14/","e":[{"n":"","sv":"x"}]})"}) {
    command = accepted("Write", std::string(R"("Value":)").append(value));
    CHECK(command.path == parse_path("/3/0/14"));
    CHECK(command.items.at(0) == Item{*parse_path("/3/0/14"), {DataType::string, "x"s}});
  }
  command = accepted("Write", R"("Value":{"bn":"/3/0/6","e":[{"n":"0","v":1},{"n":"1","v":5}]})");
  REQUIRE(command.items.size() == 2);
  CHECK(command.items[1].path == parse_path("/3/0/6/1"));
  CHECK(command.items[1].value.type == DataType::integer);

  command = accepted("Write", R"("BaseName":"/3/0","Value":{"e":[{"n":"14","sv":"x"}]})");
  CHECK(command.items.at(0).path == parse_path("/3/0/14"));
}

TEST_CASE("what is written to an object is created") {
  Command command =
      accepted("Write", R"("Value":{"bn":"/3303","e":[{"n":"1/4","v":1},{"n":"1/1","sv":"C"}]})");
  CHECK(command.operation == Operation::create);
  CHECK(command.name == "Write");
  CHECK_FALSE(command.chosen_by_device);
  CHECK(command.items.at(0).path == parse_path("/3303/1/4"));
  command = accepted("Write", R"("Value":{"bn":"/3303","e":[{"n":"4","v":1}]})");
  CHECK(command.chosen_by_device);
  CHECK(command.items.at(0) == Item{*parse_path("/3303/0/4"), {DataType::floating, 1.0}});
}

TEST_CASE("a create with a value") {
  Command command =
      accepted("Create", R"("BaseName":"/3303","Value":{"bn":"/3303/2","e":[{"n":"1","sv":"C"}]})");
  CHECK(command.path == parse_path("/3303"));
  CHECK_FALSE(command.chosen_by_device);
  CHECK(command.items.at(0).path == parse_path("/3303/2/1"));
  command = accepted("Create", R"("BaseName":"/3303","Value":{"e":[{"n":"2/1","sv":"C"}]})");
  CHECK(command.items.at(0).path == parse_path("/3303/2/1"));
  command = accepted("Create", R"("BaseName":"/3303","Value":{"e":[{"n":"1","sv":"C"}]})");
  CHECK(command.chosen_by_device);
  CHECK(command.items.at(0).path == parse_path("/3303/0/1"));
  CHECK(reason("Create", R"("BaseName":"/3303","Value":{"bn":"/3/0","e":[{"n":"1","sv":"C"}]})") ==
        "bad_path");
  CHECK(reason("Create",
               R"("BaseName":"/3303","Value":{"e":[{"n":"0/1","sv":""},{"n":"1/1","sv":""}]})") ==
        "bad_path");
  CHECK(reason("Create", R"("BaseName":"/3303","Value":"x")") == "bad_value");
}

TEST_CASE("values and their fields") {
  const auto value = [](std::string_view path, std::string_view field) {
    return accepted("Write", std::string(R"("Value":{"bn":")")
                                 .append(path)
                                 .append(R"(","e":[{)")
                                 .append(field)
                                 .append("}]}"))
        .items.at(0)
        .value;
  };
  CHECK(value("/99/0/1", R"("v":5)") == Value{DataType::integer, std::int64_t{5}});
  CHECK(value("/99/0/1", R"("v":5.5)") == Value{DataType::floating, 5.5});
  CHECK(value("/99/0/1", R"("sv":"5")") == Value{DataType::string, "5"s});
  CHECK(value("/99/0/1", R"("bv":true)") == Value{DataType::boolean, true});
  CHECK(value("/99/0/1", R"("bv":"false")") == Value{DataType::boolean, false});
  CHECK(value("/99/0/1", R"("ov":"66:1")") == Value{DataType::objlnk, ObjectLink{66, 1}});
  // The definition goes before.
  CHECK(value("/3303/0/4", R"("v":5)") == Value{DataType::floating, 5.0});
  CHECK(value("/3303/0/3", R"("v":5)") == Value{DataType::unsigned_integer, std::uint64_t{5}});
  CHECK(value("/3303/0/6", R"("sv":"AAE=")") == Value{DataType::opaque, "\0\1"s});
  CHECK(value("/3303/0/9", R"("sv":"</3>")") == Value{DataType::corelnk, "</3>"s});
  CHECK(value("/3303/0/5", R"("bv":"true")") == Value{DataType::boolean, true});
  CHECK(value("/3303/0/5", R"("v":1)") == Value{DataType::boolean, true});
}

TEST_CASE("writes that are refused") {
  const auto write = [](std::string_view value) {
    return reason("Write", std::string(R"("Value":)").append(value));
  };
  CHECK(reason("Write", R"("BaseName":"/3/0")") == "missing_value");
  CHECK(write("null") == "missing_value");
  CHECK(write("5") == "bad_value");
  CHECK(write(R"({"e":[{"v":1}]})") == "missing_path");
  CHECK(write(R"({"bn":5,"e":[{"v":1}]})") == "missing_path");
  CHECK(write(R"({"bn":"/x","e":[{"v":1}]})") == "bad_path");
  CHECK(write(R"({"bn":"/","e":[{"n":"3/0/13","v":1}]})") == "bad_path");
  CHECK(write(R"({"bn":"/3/0"})") == "missing_content");
  CHECK(write(R"({"bn":"/3/0","e":[]})") == "missing_content");
  CHECK(write(R"({"bn":"/3/0","e":{}})") == "bad_content");
  CHECK(write(R"({"bn":"/3/0","e":[5]})") == "bad_content");
  CHECK(write(R"({"bn":"/3/0","e":[{"v":1}]})") == "bad_path");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":"x","v":1}]})") == "bad_path");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":13,"v":1}]})") == "bad_path");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":"13"}]})") == "missing_value");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":"13","value":1}]})") == "missing_value");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":"13","v":1,"sv":"1"}]})") == "bad_value");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":"13","v":"1"}]})") == "bad_value");
  CHECK(write(R"({"bn":"/3/0","e":[{"n":"13","v":null}]})") == "bad_value");
  CHECK(write(R"({"bn":"/99/0","e":[{"n":"1","bv":"yes"}]})") == "bad_value");
  CHECK(write(R"({"bn":"/99/0","e":[{"n":"1","ov":"66"}]})") == "bad_value");
  CHECK(write(R"({"bn":"/0/0","e":[{"n":"1","v":1}]})") == "security_object");
}

TEST_CASE("attributes") {
  const auto with = [](std::string_view value) {
    return std::string(R"("BaseName":"/3/0/9","Value":)").append(value);
  };
  CHECK(accepted("Write-Attributes", with(R"("pmin=1&pmax=60")")).queries ==
        std::vector<std::string>{"pmin=1", "pmax=60"});
  CHECK(accepted("Write-Attributes", with(R"("gt=-1.5&&lt&st=")")).queries ==
        std::vector<std::string>{"gt=-1.5", "lt", "st"});
  CHECK(reason("Write-Attributes", with(R"("")")) == "missing_attributes");
  CHECK(reason("Write-Attributes", with(R"("pmin=x")")) == "bad_value");
  CHECK(reason("Write-Attributes", with(R"("color=red")")) == "unknown_attribute");
  CHECK(reason("Write-Attributes", with("5")) == "bad_value");
  CHECK(reason("Write-Attributes", R"("BaseName":"/3/0/9")") == "bad_value");
  std::string many = "\"";
  for (int i = 0; i < 17; ++i) many += "&gt=1";
  CHECK(reason("Write-Attributes", with(many + "\"")) == "bad_value");
}

TEST_CASE("arguments") {
  CHECK(accepted("Execute", R"("BaseName":"/3/0/4","Arguments":"0='x'")").arguments == "0='x'");
  CHECK(accepted("Execute", R"("BaseName":"/3/0/4","Arguments":null)").arguments.empty());
  CHECK(accepted("Execute", R"("BaseName":"/3/0/4","Arguments":"")").arguments.empty());
  CHECK(reason("Execute", R"("BaseName":"/3/0/4","Arguments":5)") == "bad_args");
}

TEST_CASE("what else is refused") {
  CHECK(reason("Reboot", R"("BaseName":"/3")") == "unknown_command");
  CHECK(reason("read", R"("BaseName":"/3")") == "unknown_command");
  CHECK(reason("Read", R"("BaseNam":"/3")") == "missing_path");
  CHECK(reason("Read", R"("BaseName":3)") == "bad_path");
  CHECK(reason("Read", R"("BaseName":"/3/0/0/0/0")") == "bad_path");
  CHECK(reason("Read", R"("BaseName":"")") == "bad_path");
  CHECK(reason("Read", R"("BaseName":"/0/0")") == "security_object");
  CHECK(reason("Observe", R"("BaseName":"/3?pmin=1")") == "query_not_allowed");
  CHECK(reason("Read", R"("BaseName":"/3","ttl":"x")") == "bad_ttl");
  CHECK(accepted("Read", R"("BaseName":"/3?a=1","ttl":9)").ttl_s == 9);
  CHECK(refused(R"({"Command":"Read"})").reply == R"({"Command":"Read","Error":"Bad Request"})");
  CHECK(refused(R"({"CmdID":"x","Command":5})").reply ==
        R"({"CmdID":"x","Command":"error","Error":"Bad Request"})");
}
