// Answers of dialect A.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/reply.hpp"
#include "known_objects.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

Command command(std::string_view name, std::string_view path, std::string_view rest = {}) {
  const std::string payload = std::string(R"({"CmdID":5,"Command":")")
                                  .append(name)
                                  .append(R"(","BaseName":")")
                                  .append(path)
                                  .append("\"")
                                  .append(rest)
                                  .append("}");
  auto result = parse_command(payload, Types(), CommandLimits());
  INFO(payload);
  REQUIRE(std::holds_alternative<Command>(result));
  return std::get<Command>(result);
}

Item item(std::string_view path, DataType type, decltype(Value::data) data) {
  return {.path = *parse_path(path), .value = {type, std::move(data)}};
}

// The Result of a Read.
std::string result(std::string_view path, const Items& items) {
  const Decoded content{.items = items};
  const std::string reply =
      answer(command("Read", path), {.code = coap::kContent, .content = &content}, Types(), {});
  constexpr std::string_view kHead = R"({"CmdID":5,"Command":"Read","Result":)";
  CHECK(reply.starts_with(kHead));
  return reply.substr(kHead.size(), reply.size() - kHead.size() - 1);
}

std::string ending(const Command& what, coap::Code code) {
  const std::string reply = answer(what, {.code = code}, Types(), {});
  const std::string head = R"({"CmdID":5,"Command":")" + what.name + "\",";
  CHECK(reply.starts_with(head));
  return reply.substr(head.size(), reply.size() - head.size() - 1);
}

}  // namespace

TEST_CASE("the answer of the documentation") {
  const Decoded content{.items = {item("/3/0/9", DataType::integer, std::int64_t{100})}};
  CHECK(answer(command("Read", "/3/0/9"), {.code = coap::kContent, .content = &content}, Types(),
               {}) == R"({"CmdID":5,"Command":"Read","Result":{"bn":"/3/0/9","e":[{"v":100}]}})");
}

TEST_CASE("names are what lies below the path that was asked for") {
  CHECK(result("3/0/0/", {item("/3/0/0", DataType::string, "EMQ"s)}) ==
        R"({"bn":"/3/0/0","e":[{"sv":"EMQ"}]})");
  CHECK(result("/3/0", {item("/3/0/0", DataType::string, "EMQ"s),
                        item("/3/0/6/0", DataType::integer, std::int64_t{1}),
                        item("/3/0/6/1", DataType::integer, std::int64_t{5})}) ==
        R"({"bn":"/3/0","e":[{"n":"0","sv":"EMQ"},{"n":"6/0","v":1},{"n":"6/1","v":5}]})");
  CHECK(result("/3", {item("/3/0/0", DataType::string, "EMQ"s),
                      item("/3/0/6/0", DataType::integer, std::int64_t{1})}) ==
        R"({"bn":"/3","e":[{"n":"0/0","sv":"EMQ"},{"n":"0/6/0","v":1}]})");
  CHECK(result("/3/0/6", {item("/3/0/6/0", DataType::integer, std::int64_t{1}),
                          item("/3/0/6/1", DataType::integer, std::int64_t{5})}) ==
        R"({"bn":"/3/0/6","e":[{"n":"0","v":1},{"n":"1","v":5}]})");
  CHECK(result("/3/0/6/1", {item("/3/0/6/1", DataType::integer, std::int64_t{5})}) ==
        R"({"bn":"/3/0/6/1","e":[{"v":5}]})");
  // A device that answers with what nobody asked for.
  CHECK(result("/3/0", {item("/4/0/1", DataType::integer, std::int64_t{5})}) ==
        R"({"bn":"/3/0","e":[{"n":"/4/0/1","v":5}]})");
  CHECK(result("/3/0", {}) == R"({"bn":"/3/0","e":[]})");
}

TEST_CASE("the fields of the values") {
  const auto element = [](DataType type, decltype(Value::data) data) {
    return result("/9/0/1", {item("/9/0/1", type, std::move(data))});
  };
  const auto with = [](std::string_view field) {
    return std::string(R"({"bn":"/9/0/1","e":[{)").append(field).append("}]}");
  };
  CHECK(element(DataType::integer, std::int64_t{-5}) == with(R"("v":-5)"));
  CHECK(element(DataType::unsigned_integer, std::uint64_t{5}) == with(R"("v":5)"));
  CHECK(element(DataType::time, std::int64_t{1557200000}) == with(R"("v":1557200000)"));
  CHECK(element(DataType::floating, 23.5) == with(R"("v":23.5)"));
  CHECK(element(DataType::boolean, true) == with(R"("bv":true)"));
  CHECK(element(DataType::string, "a\"b"s) == with(R"("sv":"a\"b")"));
  CHECK(element(DataType::corelnk, "</3>"s) == with(R"("sv":"</3>")"));
  CHECK(element(DataType::opaque, "\0\1"s) == with(R"("sv":"AAE=")"));
  CHECK(element(DataType::string, "\xff"s) == with(R"("sv":"/w==")"));
  CHECK(element(DataType::objlnk, ObjectLink{66, 1}) == with(R"("ov":"66:1")"));
  CHECK(element(DataType::none, std::monostate()) == with(""));
  Item timed = item("/9/0/1", DataType::integer, std::int64_t{5});
  timed.time = 1367491215;
  CHECK(result("/9/0/1", {timed}) == with(R"("v":5,"t":1367491215)"));
  CHECK(result("/9/0", {timed}) == R"({"bn":"/9/0","e":[{"n":"1","v":5,"t":1367491215}]})");
}

TEST_CASE("results that are words") {
  const std::string value = R"(,"Value":{"e":[{"n":"1","v":1}]})";
  CHECK(ending(command("Write", "/3/0", value), coap::kChanged) == R"("Result":"Changed")");
  CHECK(ending(command("Write", "/3303", value), coap::kCreated) == R"("Result":"Created")");
  CHECK(ending(command("Execute", "/3/0/4"), coap::kChanged) == R"("Result":"Changed")");
  CHECK(ending(command("Write-Attributes", "/3/0/9", R"(,"Value":"pmin=1")"), coap::kChanged) ==
        R"("Result":"Changed")");
  CHECK(ending(command("Create", "/3303"), coap::kCreated) == R"("Result":"Created")");
  CHECK(ending(command("Delete", "/3303/0"), coap::kDeleted) == R"("Result":"Deleted")");
  CHECK(ending(command("Cancel-Observe", "/3/0/9"), coap::kContent) == R"("Result":"Content")");
}

TEST_CASE("links are a text as it came") {
  const auto links = [](std::string_view text) {
    return answer(command("Discover", "/3/0"), {.code = coap::kContent, .links = text}, Types(),
                  {});
  };
  CHECK(links("</3/0>,</3/0/0>, </3/0/1>;x=\"a,b\"") ==
        R"({"CmdID":5,"Command":"Discover","Result":"</3/0>,</3/0/0>, </3/0/1>;x=\"a,b\""})");
  CHECK(links("</3\xff") ==
        "{\"CmdID\":5,\"Command\":\"Discover\",\"Result\":\"</3\xef\xbf\xbd\"}");
}

TEST_CASE("errors are words, too") {
  struct {
    unsigned of_class, detail;
    std::string_view words;
  } const cases[] = {
      {4, 0, "Bad Request"},
      {4, 1, "Unauthorized"},
      {4, 2, "Bad Request"},
      {4, 3, "Forbidden"},
      {4, 4, "Not Found"},
      {4, 5, "Method Not Allowed"},
      {4, 6, "Not Acceptable"},
      {4, 13, "Bad Request"},
      {4, 15, "Unsupported Content Format"},
      {4, 29, "Bad Request"},
      {5, 0, "Internal Server Error"},
      {5, 3, "Internal Server Error"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.words);
    CHECK(ending(command("Read", "/3/0/9"), coap::code(one.of_class, one.detail)) ==
          std::string(R"("Error":")").append(one.words).append("\""));
  }
  CHECK(ending(command("Write-Attributes", "/3/0/9", R"(,"Value":"pmin=1")"), coap::kNotFound) ==
        R"("Error":"Not Found")");
}

TEST_CASE("errors of our own") {
  struct {
    Refusal why;
    std::string_view words;
  } const cases[] = {
      {Refusal::bad_request, "Bad Request"},
      {Refusal::unauthorized, "Unauthorized"},
      {Refusal::timeout, "Timeout"},
      {Refusal::reset, "Reset"},
      {Refusal::not_registered, "Device Offline"},
      {Refusal::queue_full, "Queue Full"},
      {Refusal::expired, "Timeout"},
      {Refusal::shutdown, "Device Offline"},
      {Refusal::too_large, "Bad Request"},
      {Refusal::broken_body, "Bad Request"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.words);
    CHECK(refused(command("Read", "/3/0/9"), one.why, "reason") ==
          std::string(R"({"CmdID":5,"Command":"Read","Error":")").append(one.words).append("\"}"));
  }
  CHECK(answer(command("Read", "/3/0/9"), {.code = coap::kContent, .format = 11542, .raw = "x"},
               Types(), {}) == R"({"CmdID":5,"Command":"Read","Error":"Bad Request"})");
}

TEST_CASE("a type that had to be guessed, strictly and not") {
  const Decoded content{.items = {item("/99/0/1", DataType::string, "x"s)}, .undefined = true};
  const Answer what{.code = coap::kContent, .content = &content};
  CHECK(answer(command("Read", "/99/0/1"), what, Types(), {}) ==
        R"({"CmdID":5,"Command":"Read","Error":"No XML Definition"})");
  CHECK(answer(command("Read", "/99/0/1"), what, Types(), {.strict_xml_a = false}) ==
        R"({"CmdID":5,"Command":"Read","Result":{"bn":"/99/0/1","e":[{"sv":"x"}]}})");
  CHECK(notification(command("Observe", "/99/0/1"), what, 1, Types(), {}) ==
        R"({"CmdID":5,"Command":"Observe","Error":"No XML Definition"})");
  CHECK(answer(command("Cancel-Observe", "/99/0/1"), what, Types(), {}) ==
        R"({"CmdID":5,"Command":"Cancel-Observe","Result":"Content"})");
}

TEST_CASE("an observe and its notifications look alike") {
  const Decoded content{.items = {item("/3/0/13", DataType::time, std::int64_t{9})}};
  const Answer what{.code = coap::kContent, .content = &content};
  constexpr std::string_view kReply =
      R"({"CmdID":5,"Command":"Observe","Result":{"bn":"/3/0/13","e":[{"v":9}]}})";
  CHECK(answer(command("Observe", "/3/0/13"), what, Types(), {}) == kReply);
  CHECK(notification(command("Observe", "/3/0/13"), what, 77, Types(), {}) == kReply);
  CHECK(notification(command("Observe", "/3/0/13"), {.code = coap::kNotFound}, 77, Types(), {}) ==
        R"({"CmdID":5,"Command":"Observe","Error":"Not Found"})");
}

TEST_CASE("there are no acknowledgements, and no progress") {
  CHECK(acknowledged(command("Execute", "/3/0/4")).empty());
  CHECK(progress(command("Execute", "/3/0/4"), 1, 2).empty());
}
