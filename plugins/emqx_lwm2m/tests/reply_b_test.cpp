// Answers, notifications and refusals of dialect B.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "emqx_lwm2m/coap/message.hpp"
#include "emqx_lwm2m/command/reply.hpp"
#include "emqx_lwm2m/format/json_text.hpp"
#include "known_objects.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

const Definitions& definitions() {
  static const Definitions all = test::known_objects();
  return all;
}
Types types() { return {.definitions = &definitions()}; }

Command command(std::string_view payload) {
  auto result = parse_command(payload, types(), CommandLimits());
  INFO(payload);
  REQUIRE(std::holds_alternative<Command>(result));
  return std::get<Command>(result);
}
Command read(std::string_view path = "/3/0/9") {
  return command(
      std::string(R"({"reqID":7,"msgType":"read","data":{"path":")").append(path).append(R"("}})"));
}

// The data of the answer, which must be JSON.
std::string data_of(std::string_view reply) {
  CAPTURE(reply);
  REQUIRE_NOTHROW(boost::json::parse({reply.data(), reply.size()}));
  constexpr std::string_view kData = R"("data":)";
  return std::string(reply.substr(reply.find(kData) + kData.size(),
                                  reply.size() - reply.find(kData) - kData.size() - 1));
}

std::string with_items(const Items& items, const ReplySettings& settings = {}) {
  const Decoded content{.items = items};
  const std::string reply =
      answer(read(), {.code = coap::kContent, .content = &content}, types(), settings);
  const std::string data = data_of(reply);
  constexpr std::string_view kContent = R"("content":)";
  const std::size_t begin = data.find(kContent) + kContent.size();
  return data.substr(begin, data.size() - begin - 1);
}

Item item(std::string_view path, DataType type, decltype(Value::data) data) {
  return {.path = *parse_path(path), .value = {type, std::move(data)}};
}
std::string value_of(DataType type, decltype(Value::data) data) {
  return with_items({item("/99/0/1", type, std::move(data))});
}

}  // namespace

TEST_CASE("the answer to a read is the request with other data") {
  const Decoded content{.items = {item("/3/0/9", DataType::integer, std::int64_t{100})}};
  CHECK(
      answer(read(), {.code = coap::kContent, .content = &content}, types(), {}) ==
      R"({"reqID":7,"msgType":"read","data":{"reqPath":"/3/0/9","code":"2.05","codeMsg":"content","content":[{"path":"/3/0/9","value":100}]}})");
}

TEST_CASE("everything beside msgType and data is echoed") {
  const std::string reply = answer(
      command(
          R"({"imei":"1","reqID":{"a":[null,1.10]},"msgType":"delete","data":{"path":"5/0/"},"x":12345678901234567890123})"),
      {.code = coap::kDeleted}, types(), {});
  CHECK(
      reply ==
      R"({"imei":"1","reqID":{"a":[null,1.10]},"x":12345678901234567890123,"msgType":"delete","data":{"reqPath":"5/0/","code":"2.02","codeMsg":"deleted"}})");
  CHECK(answer(command(R"({"msgType":"delete","data":{"path":"5/0"}})"), {.code = coap::kDeleted},
               types(), {}) ==
        R"({"msgType":"delete","data":{"reqPath":"5/0","code":"2.02","codeMsg":"deleted"}})");
}

TEST_CASE("values of all types") {
  using I = std::int64_t;
  using Limits = std::numeric_limits<I>;
  struct {
    DataType type;
    decltype(Value::data) data;
    std::string_view json;
  } const cases[] = {
      {DataType::integer, I{0}, "0"},
      {DataType::integer, I{-129}, "-129"},
      {DataType::integer, Limits::max(), "9223372036854775807"},
      {DataType::integer, Limits::min(), "-9223372036854775808"},
      {DataType::integer, I{1'000'000'000'000'000'000}, "1000000000000000000"},
      {DataType::unsigned_integer, std::uint64_t{18446744073709551615u}, "18446744073709551615"},
      {DataType::time, I{1367491215}, "1367491215"},
      {DataType::floating, 23.5, "23.5"},
      {DataType::floating, 0.1, "0.1"},
      {DataType::floating, -0.0, "-0"},
      {DataType::floating, 1e300, "1e+300"},
      {DataType::floating, 5e-324, "5e-324"},
      {DataType::floating, 1.0 / 3, "0.3333333333333333"},
      {DataType::boolean, true, "true"},
      {DataType::boolean, false, "false"},
      {DataType::string, "EMQ"s, "\"EMQ\""},
      {DataType::string, ""s, "\"\""},
      {DataType::string, "Grüße 𝄞"s, "\"Grüße 𝄞\""},
      {DataType::string, "a\"\\/\b\f\n\r\t\x01\x1f\x7f"s,
       "\"a\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\""},
      {DataType::string, "a\0b"s, "\"a\\u0000b\""},
      {DataType::corelnk, "</3/0>;x=\"y\""s, "\"</3/0>;x=\\\"y\\\"\""},
      {DataType::opaque, "\0\1\xff"s, "\"AAH/\""},
      {DataType::opaque, ""s, "\"\""},
      {DataType::objlnk, ObjectLink{66, 1}, "\"66:1\""},
      {DataType::objlnk, ObjectLink{0xffff, 0xffff}, "\"65535:65535\""},
      {DataType::none, std::monostate(), "null"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.json);
    CHECK(value_of(one.type, one.data) ==
          std::string(R"([{"path":"/99/0/1","value":)").append(one.json).append("}]"));
  }
}

TEST_CASE("numbers read back as the same number") {
  for (const double number : {0.1, 1.0 / 3, 1e22, 123456789.123456789, 5e-324,
                              1.7976931348623157e308, -2.5e-10, 9007199254740993.0}) {
    std::string text;
    append_json_number(text, number);
    CAPTURE(text);
    CHECK(parse_float(text) == number);
  }
}

TEST_CASE("what a device sends as text and is none does not reach anybody as text") {
  CHECK(value_of(DataType::string, "a\xff"s) ==
        R"([{"path":"/99/0/1","value":"Yf8=","type":"Opaque","error":"bad_utf8"}])");
  CHECK(value_of(DataType::string, "\xed\xa0\x80"s) ==
        R"([{"path":"/99/0/1","value":"7aCA","type":"Opaque","error":"bad_utf8"}])");
  CHECK(value_of(DataType::floating, std::numeric_limits<double>::quiet_NaN()) ==
        R"([{"path":"/99/0/1","value":null,"error":"not_finite"}])");
  CHECK(value_of(DataType::floating, -std::numeric_limits<double>::infinity()) ==
        R"([{"path":"/99/0/1","value":null,"error":"not_finite"}])");
  Item odd = item("/3/0/9", DataType::opaque, "\1\2\3"s);
  odd.mismatch = true;
  CHECK(with_items({odd}) ==
        R"([{"path":"/3/0/9","value":"AQID","type":"Opaque","error":"type_mismatch"}])");
}

TEST_CASE("several items, their times") {
  Item timed = item("/3/0/6/1", DataType::integer, std::int64_t{5});
  timed.time = 1367491215.5;
  CHECK(with_items({item("/3/0/6/0", DataType::integer, std::int64_t{1}), timed}) ==
        R"([{"path":"/3/0/6/0","value":1},{"path":"/3/0/6/1","value":5,"time":1367491215.5}])");
  CHECK(with_items({}) == "[]");
}

TEST_CASE("names and types of the definitions, if wanted") {
  constexpr ReplySettings kMeta{.content_meta = true};
  CHECK(with_items({item("/3/0/9", DataType::integer, std::int64_t{5})}, kMeta) ==
        R"([{"path":"/3/0/9","value":5,"name":"Battery Level","type":"Integer"}])");
  CHECK(with_items({item("/3/0/6/0", DataType::integer, std::int64_t{5})}, kMeta) ==
        R"([{"path":"/3/0/6/0","value":5,"name":"Available Power Sources","type":"Integer"}])");
  CHECK(with_items({item("/3303/0/3", DataType::unsigned_integer, std::uint64_t{5})}, kMeta) ==
        R"([{"path":"/3303/0/3","value":5,"name":"Natural","type":"Unsigned Integer"}])");
  CHECK(with_items({item("/99/0/1", DataType::boolean, true)}, kMeta) ==
        R"([{"path":"/99/0/1","value":true,"type":"Boolean"}])");
  Item odd = item("/3/0/9", DataType::opaque, "\1"s);
  odd.mismatch = true;
  CHECK(
      with_items({odd}, kMeta) ==
      R"([{"path":"/3/0/9","value":"AQ==","type":"Opaque","error":"type_mismatch","name":"Battery Level"}])");
}

TEST_CASE("a type that had to be guessed is said to be") {
  const Decoded content{.items = {item("/99/0/1", DataType::string, "x"s)}, .undefined = true};
  CHECK(
      data_of(
          answer(read("/99/0/1"), {.code = coap::kContent, .content = &content}, types(), {})) ==
      R"({"reqPath":"/99/0/1","code":"2.05","codeMsg":"content","content":[{"path":"/99/0/1","value":"x"}],"warning":"no_xml_definition"})");
}

TEST_CASE("codes and their words") {
  struct {
    unsigned of_class, detail;
    std::string_view dotted, word;
  } const cases[] = {
      {2, 1, "2.01", "created"},
      {2, 2, "2.02", "deleted"},
      {2, 3, "2.03", "valid"},
      {2, 4, "2.04", "changed"},
      {2, 5, "2.05", "content"},
      {2, 31, "2.31", "continue"},
      {4, 0, "4.00", "bad_request"},
      {4, 1, "4.01", "unauthorized"},
      {4, 2, "4.02", "bad_option"},
      {4, 3, "4.03", "forbidden"},
      {4, 4, "4.04", "not_found"},
      {4, 5, "4.05", "method_not_allowed"},
      {4, 6, "4.06", "not_acceptable"},
      {4, 8, "4.08", "request_entity_incomplete"},
      {4, 12, "4.12", "precondition_failed"},
      {4, 13, "4.13", "request_entity_too_large"},
      {4, 15, "4.15", "unsupported_content_format"},
      {5, 0, "5.00", "internal_server_error"},
      {5, 1, "5.01", "not_implemented"},
      {5, 2, "5.02", "bad_gateway"},
      {5, 3, "5.03", "service_unavailable"},
      {5, 4, "5.04", "gateway_timeout"},
      {5, 5, "5.05", "proxying_not_supported"},
      {4, 29, "4.29", "unknown"},
      {7, 31, "7.31", "unknown"},
  };
  for (const auto& one : cases) {
    const coap::Code code = coap::code(one.of_class, one.detail);
    CAPTURE(one.dotted);
    CHECK(dotted(code) == one.dotted);
    CHECK(code_word(code) == one.word);
    CHECK(data_of(answer(read(), {.code = code}, types(), {})) ==
          std::string(R"({"reqPath":"/3/0/9","code":")")
              .append(one.dotted)
              .append(R"(","codeMsg":")")
              .append(one.word)
              .append(R"("})"));
  }
}

TEST_CASE("the answer to a discover") {
  const Command discover = command(R"({"msgType":"discover","data":{"path":"/3/0"}})");
  const auto links = [&](std::string_view text) {
    return data_of(answer(discover, {.code = coap::kContent, .links = text}, types(), {}));
  };
  CHECK(
      links("</3/0>;dim=8,</3/0/0>, </3/0/6>;x=\"a,b\";obs") ==
      R"({"reqPath":"/3/0","code":"2.05","codeMsg":"content","content":["</3/0>;dim=8","</3/0/0>","</3/0/6>;x=\"a,b\";obs"]})");
  CHECK(links("") == R"({"reqPath":"/3/0","code":"2.05","codeMsg":"content","content":[]})");
  CHECK(
      links("</3/0") ==
      R"({"reqPath":"/3/0","code":"5.02","codeMsg":"bad_gateway","reason":"bad_payload","raw":"PC8zLzA=","format":40})");
  CHECK(answer(discover, {.code = coap::kNotFound, .links = {}}, types(), {}).find("content\":") ==
        std::string::npos);
}

TEST_CASE("the rest of an answer") {
  CHECK(data_of(answer(command(R"({"msgType":"create","data":{"basePath":"/3303"}})"),
                       {.code = coap::kCreated, .location = "/3303/1"}, types(), {})) ==
        R"({"reqPath":"/3303","code":"2.01","codeMsg":"created","location":"/3303/1"})");
  const Command observe = command(R"({"msgType":"observe","data":{"path":"/3/0/9"}})");
  const Decoded content{.items = {item("/3/0/9", DataType::integer, std::int64_t{100})}};
  CHECK(
      data_of(answer(observe, {.code = coap::kContent, .content = &content, .observed = false},
                     types(), {})) ==
      R"({"reqPath":"/3/0/9","code":"2.05","codeMsg":"content","content":[{"path":"/3/0/9","value":100}],"observed":false})");
  CHECK(
      answer(observe, {.code = coap::kContent, .content = &content, .observed = true}, types(), {})
          .find("observed") == std::string::npos);
  CHECK(
      data_of(answer(read(), {.code = coap::kContent, .format = 11542, .raw = "\xc1\x09"}, types(),
                     {})) ==
      R"({"reqPath":"/3/0/9","code":"5.02","codeMsg":"bad_gateway","reason":"bad_payload","raw":"wQk=","format":11542})");
  CHECK(
      data_of(answer(read(), {.code = coap::kContent, .raw = ""}, types(), {})) ==
      R"({"reqPath":"/3/0/9","code":"5.02","codeMsg":"bad_gateway","reason":"bad_payload","raw":""})");
  CHECK(data_of(answer(command(R"({"msgType":"read-composite","data":{"paths":["/3/0/9"]}})"),
                       {.code = coap::kMethodNotAllowed}, types(), {})) ==
        R"({"reqPath":"/","code":"4.05","codeMsg":"method_not_allowed"})");
}

TEST_CASE("notifications") {
  const Command observe = command(R"({"reqID":"o","msgType":"observe","data":{"path":"3/0/9"}})");
  const Decoded content{.items = {item("/3/0/9", DataType::integer, std::int64_t{98})}};
  Answer what{.code = coap::kContent, .content = &content};
  CHECK(
      notification(observe, what, 0, types(), {}) ==
      R"({"reqID":"o","msgType":"notify","seqNum":0,"data":{"reqPath":"3/0/9","code":"2.05","codeMsg":"content","content":[{"path":"/3/0/9","value":98}]}})");
  what.restored = true;
  CHECK(notification(observe, what, 0xffffff, types(), {})
            .starts_with(R"({"reqID":"o","msgType":"notify","seqNum":16777215,"restored":true,)"));
  CHECK(
      notification(observe, {.code = coap::kNotFound}, 5, types(), {}) ==
      R"({"reqID":"o","msgType":"notify","seqNum":5,"data":{"reqPath":"3/0/9","code":"4.04","codeMsg":"not_found"}})");
  Command automatic;
  automatic.operation = Operation::observe;
  automatic.name = "observe";
  automatic.request_path = "/3/0";
  CHECK(notification(automatic, {.code = coap::kContent, .content = &content}, 1, types(), {})
            .starts_with(R"({"msgType":"notify","seqNum":1,"data":{"reqPath":"/3/0",)"));
}

TEST_CASE("why a command was not carried out") {
  struct {
    Refusal why;
    std::string_view message, data;
  } const cases[] = {
      {Refusal::bad_request, "read",
       R"({"reqPath":"/3/0/9","code":"4.00","codeMsg":"bad_request","reason":"bad_request"})"},
      {Refusal::unauthorized, "read",
       R"({"reqPath":"/3/0/9","code":"4.01","codeMsg":"unauthorized","reason":"security_object"})"},
      {Refusal::timeout, "coap_timeout",
       R"({"reqPath":"/3/0/9","reqType":"read","code":"5.04","codeMsg":"gateway_timeout"})"},
      {Refusal::reset, "coap_reset",
       R"({"reqPath":"/3/0/9","reqType":"read","code":"5.02","codeMsg":"bad_gateway"})"},
      {Refusal::not_registered, "read",
       R"({"reqPath":"/3/0/9","code":"5.03","codeMsg":"service_unavailable","reason":"not_registered"})"},
      {Refusal::queue_full, "read",
       R"({"reqPath":"/3/0/9","code":"5.03","codeMsg":"service_unavailable","reason":"queue_full"})"},
      {Refusal::expired, "read",
       R"({"reqPath":"/3/0/9","code":"5.04","codeMsg":"gateway_timeout","reason":"expired"})"},
      {Refusal::shutdown, "read",
       R"({"reqPath":"/3/0/9","code":"5.03","codeMsg":"service_unavailable","reason":"shutdown"})"},
      {Refusal::too_large, "read",
       R"({"reqPath":"/3/0/9","code":"4.13","codeMsg":"request_entity_too_large","reason":"too_large"})"},
      {Refusal::broken_body, "read",
       R"({"reqPath":"/3/0/9","code":"5.02","codeMsg":"bad_gateway","reason":"bad_payload"})"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.data);
    CHECK(refused(read(), one.why) == std::string(R"({"reqID":7,"msgType":")")
                                          .append(one.message)
                                          .append(R"(","data":)")
                                          .append(one.data)
                                          .append("}"));
  }
  CHECK(
      data_of(refused(read(), Refusal::broken_body, "etag \"changed\"")) ==
      R"({"reqPath":"/3/0/9","code":"5.02","codeMsg":"bad_gateway","reason":"etag \"changed\""})");
}

TEST_CASE("an acknowledgement repeats the data, unless it is long") {
  CHECK(acknowledged(command(R"({"reqID":7,"msgType":"execute","data":{ "path":"/3/0/4" }})")) ==
        R"({"reqID":7,"msgType":"ack","data":{ "path":"/3/0/4" }})");
  const std::string large(5000, 'x');
  CHECK(acknowledged(command(R"({"reqID":7,"msgType":"write","data":{"path":"/3/0/14","value":")" +
                             large + "\"}}")) ==
        R"({"reqID":7,"msgType":"ack","data":{"reqPath":"/3/0/14"}})");
}

TEST_CASE("progress") {
  CHECK(
      progress(command(R"({"reqID":7,"msgType":"write","data":{"path":"/5/0/0","value":"AA=="}})"),
               512, 1'048'576) ==
      R"({"reqID":7,"msgType":"progress","data":{"reqPath":"/5/0/0","sent":512,"total":1048576}})");
}

TEST_CASE("texts in quotes") {
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_quoted(out, text);
    return out;
  };
  CHECK(quoted("plain") == "\"plain\"");
  CHECK(quoted("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(quoted("a\xe2\x82z") == "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
  CHECK(quoted("\xc0\x80") == "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  for (int octet = 0; octet < 256; ++octet) {
    CAPTURE(octet);
    const std::string text = "a" + std::string(1, static_cast<char>(octet)) + "z";
    const std::string json = quoted(text);
    const auto read = boost::json::parse(json).as_string();
    if (octet < 0x80) CHECK(std::string_view(read.data(), read.size()) == text);
  }
}
