// Commands of dialect B: what is around them, how much of it there may be, and what is none.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "command_b_support.hpp"
#include "emqx_lwm2m/format/number.hpp"

using namespace lwm2m;
using namespace lwm2m::test;
using namespace std::string_literals;

TEST_CASE("envelopes that are refused keep what they had") {
  Refused what = refused(R"({"reqID":{"a":1},"msgType":"reed","data":{"path":"/3/0"}})");
  CHECK(what.reason == "unknown_msgType");
  CHECK(what.type == "reed");
  CHECK(what.reply.at("reqID").at("a") == 1);
  CHECK(what.reply.at("data").at("reqPath") == "/3/0");
  CHECK(what.reply.at("data").at("codeMsg") == "bad_request");

  what = refused(R"({"reqID":1,"msgType":"read"})");
  CHECK(what.reason == "missing_data");
  CHECK(what.reply.at("data").at("reqPath").is_null());
  CHECK(refused(R"({"msgType":"read","data":null})").reason == "missing_data");
  CHECK(refused(R"({"msgType":"read","data":"/3"})").reason == "bad_data");
  CHECK(refused(R"({"msgType":"read","data":[]})").reason == "bad_data");

  what = refused(R"({"reqID":1,"data":{"path":"/3"}})");
  CHECK(what.reason == "missing_msgType");
  CHECK(what.type == "error");
  CHECK(what.reply.at("reqID") == 1);
  CHECK(refused(R"({"reqID":1,"msgType":5,"data":{}})").reason == "unknown_msgType");
  CHECK(refused(R"({"msgType":null,"Command":"Read","data":{}})").reason == "missing_msgType");
  CHECK(refused(R"({"msgType":"Read","data":{"path":"/3"}})").reason == "unknown_msgType");
  CHECK(refused(R"({"msgtype":"read","data":{"path":"/3"}})").reason == "missing_msgType");
  CHECK(refused("{}").reason == "missing_msgType");
}

TEST_CASE("what is no object of JSON") {
  const std::string garbage[] = {
      "",
      " ",
      "hello",
      "[]",
      R"([{"msgType":"read"}])",
      "5",
      "null",
      "\"text\"",
      "{",
      "}",
      "{]",
      R"({"a")",
      R"({"a":)",
      R"({"a":1,})",
      R"({a:1})",
      R"({"a":1}{"b":2})",
      R"({"a":"\ud800"})",
      "{\"a\":\"\xff\"}",
      "{\"\xc0\x80\":1}",
      "{\"a\":\"\n\"}",
      "{\"a\":1}\0"s,
      "{\"msgType\":\"read\",\0\"data\":{\"path\":\"/3\"}}"s,
      std::string(1'000'000, '['),
      "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}",
      std::string(100'000, '{') + std::string(100'000, '}'),
      "{\"" + std::string(100'000, '\\') + "}",
  };
  for (const std::string& text : garbage) {
    const std::string head = text.substr(0, 40);
    CAPTURE(head);
    const Refused what = refused(text);
    CHECK((what.reason == "invalid_json" || what.reason == "too_many_items"));
    CHECK(what.type == "error");
    CHECK(what.code == "4.00");
    CHECK(refused(text, CommandLimits{.answer_garbage = false}).reply.empty());
  }
  const auto result = parsed("hello");
  CHECK(
      std::get<RefusedCommand>(result).reply ==
      R"({"msgType":"error","data":{"code":"4.00","codeMsg":"bad_request","reason":"invalid_json"}})");
  // What names an operation is answered in any case.
  CHECK_FALSE(
      refused(R"({"msgType":"read"})", CommandLimits{.answer_garbage = false}).reply.empty());
}

TEST_CASE("how deep and how much") {
  const auto nested = [](int depth) {
    return R"({"msgType":"read","data":{"path":"3"},"x":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}";
  };
  CHECK(std::holds_alternative<Command>(parsed(nested(15))));
  CHECK(refused(nested(16)).reason == "invalid_json");

  std::string keys = R"({"msgType":"read","data":{"path":"3"})";
  for (int i = 0; i < 300; ++i) keys += ",\"" + std::to_string(i) + "\":0";
  CHECK(refused(keys + "}").reason == "too_many_items");

  std::string same = R"({"msgType":"read","data":{"path":"3"})";
  for (int i = 0; i < 300; ++i) same += ",\"x\":0";
  CHECK(refused(same + "}").reason == "too_many_items");

  std::string values = R"({"msgType":"read","data":{"path":"3"},"x":[0)";
  for (int i = 0; i < 70'000; ++i) values += ",0";
  CHECK(refused(values + "]}").reason == "too_many_items");
}

TEST_CASE("blanks around it do not matter") {
  CHECK(accepted(" \t\r\n{ \"msgType\" : \"read\" , \"data\" : { \"path\" : \"3\" } } \r\n").path ==
        parse_path("/3"));
}

TEST_CASE("what comes back is bounded") {
  const auto with = [](std::size_t octets) {
    return R"({"x":")" + std::string(octets - 6, 'x') +
           R"(","msgType":"observe","data":{"path":"3/0"}})";
  };
  CHECK(accepted(with(65'536)).echo.size() == 65'536);
  const Refused what = refused(with(65'537));
  CHECK(what.reason == "echo_too_large");
  CHECK(what.type == "observe");
  CHECK_FALSE(what.reply.contains("x"));
  CHECK(what.reply.at("data").at("reqPath") == "3/0");
}

TEST_CASE("large values pass; their text is not kept") {
  const std::string octets(1'000'000, 'A');
  const Command command =
      accepted("write", R"({"path":"/5/0/0","type":"Opaque","value":")" + octets + "\"}");
  CHECK(std::get<std::string>(command.items.at(0).value.data).size() == 750'000);
  CHECK(command.request_data.empty());
}

TEST_CASE("fractions are exact") {
  for (const double number : {0.1, 123456789.12345679, 5e-324, 1.7976931348623157e308, -2.5e-10}) {
    std::string text;
    append_number(text, number);
    CAPTURE(text);
    const Command command =
        accepted("write", R"({"path":"/99/0/1","type":"Float","value":)" + text + "}");
    CHECK(std::get<double>(command.items.at(0).value.data) == number);
  }
  CHECK(reason("write", R"({"path":"/99/0/1","type":"Float","value":1e400})") == "bad_value");
}

TEST_CASE("without definitions JSON's types count") {
  const auto result = parse_command(R"({"msgType":"write","data":{"path":"/3/0/13","value":5}})",
                                    Types(), CommandLimits());
  REQUIRE(std::holds_alternative<Command>(result));
  const Command& command = std::get<Command>(result);
  CHECK(command.items.at(0).value.type == DataType::integer);
  CHECK(whole(command.items.at(0)) == 5);
}
