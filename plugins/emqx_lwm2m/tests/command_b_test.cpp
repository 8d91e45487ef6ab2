// Commands of dialect B: what they are read as, and with which words they are refused.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "emqx_lwm2m/command/command.hpp"
#include "emqx_lwm2m/format/number.hpp"
#include "known_objects.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

std::variant<Command, RefusedCommand> parsed(std::string_view payload,
                                             const CommandLimits& limits = {}) {
  static const Definitions definitions = test::known_objects();
  return parse_command(payload, Types{.definitions = &definitions}, limits);
}

Command accepted(std::string_view payload) {
  const auto result = parsed(payload);
  const auto* const refused = std::get_if<RefusedCommand>(&result);
  INFO(payload);
  REQUIRE_MESSAGE(!refused, refused->reason);
  return std::get<Command>(result);
}

// {"reqID":1,"msgType":<type>,"data":<data>}
std::string request(std::string_view type, std::string_view data) {
  return std::string(R"({"reqID":1,"msgType":")")
      .append(type)
      .append(R"(","data":)")
      .append(data)
      .append("}");
}
Command accepted(std::string_view type, std::string_view data) {
  return accepted(request(type, data));
}

struct Refused {
  std::string reason, code, type;
  boost::json::object reply;
};
Refused refused(std::string_view payload, const CommandLimits& limits = {}) {
  const auto result = parsed(payload, limits);
  const auto* const what = std::get_if<RefusedCommand>(&result);
  INFO(payload);
  REQUIRE(what);
  Refused out{.reason = what->reason, .code = {}, .type = {}, .reply = {}};
  if (what->reply.empty()) return out;
  out.reply = boost::json::parse(what->reply).as_object();
  out.type = out.reply.at("msgType").as_string().c_str();
  const auto& data = out.reply.at("data").as_object();
  out.code = data.at("code").as_string().c_str();
  CHECK(data.at("reason").as_string() == what->reason);
  return out;
}
std::string reason(std::string_view type, std::string_view data) {
  const Refused what = refused(request(type, data));
  CHECK(what.code == (what.reason == "security_object" ? "4.01" : "4.00"));
  CHECK(what.type == type);
  CHECK(what.reply.at("reqID") == 1);
  return what.reason;
}

std::int64_t whole(const Item& item) { return std::get<std::int64_t>(item.value.data); }

}  // namespace

TEST_CASE("a read") {
  const Command command = accepted(R"({"reqID":7,"msgType":"read","data":{"path":"/3/0/9"}})");
  CHECK(command.dialect == Dialect::b);
  CHECK(command.operation == Operation::read);
  CHECK(command.name == "read");
  CHECK(command.echo == R"("reqID":7)");
  CHECK(command.request_data == R"({"path":"/3/0/9"})");
  CHECK(command.request_path == "/3/0/9");
  CHECK(command.path == parse_path("/3/0/9"));
  CHECK(command.queries.empty());
  CHECK_FALSE(command.ttl_s);
}

TEST_CASE("the echo is what was sent, to the last digit") {
  const auto echo = [](std::string_view members) {
    return accepted(std::string("{").append(members) + R"(,"msgType":"read","data":{"path":"3"}})")
        .echo;
  };
  for (const std::string_view same : {
           R"("reqID":12345678901234567890123)",
           R"("reqID":1.10)",
           R"("reqID":1e400)",
           R"("reqID":null)",
           R"("reqID":"\u00e9\n\"")",
           R"("reqID":{"data":{"msgType":[1,{"a":"}"}]}})",
           R"("reqID":"a\\","requestID":[ ],"cacheID":true,"imei":"1","imsi":-0)",
           R"("MsgType":"x","DATA":1,"Command":"Read","CmdID":5)",
           R"("":1)",
           R"("a,b:{\"":"c,d")",
       }) {
    CAPTURE(same);
    CHECK(echo(same) == same);
  }
  CHECK(echo(" \"a\" : 1 ,\n\"b\"\t:[ 2 ] ") == "\"a\" : 1,\"b\"\t:[ 2 ]");
  CHECK(accepted(R"({"msgType":"read","data":{"path":"3"}})").echo.empty());
  CHECK(accepted(R"({"data":{"path":"3"},"a":1,"msgType":"read","b":2})").echo == R"("a":1,"b":2)");
}

TEST_CASE("of several members with the same key the last counts") {
  CHECK(accepted(R"({"a":1,"msgType":"read","data":{"path":"3"},"b":2,"a":3})").echo ==
        R"("b":2,"a":3)");
  CHECK(accepted(R"({"reqI\u0044":1,"msgType":"read","data":{"path":"3"},"reqID":2})").echo ==
        R"("reqID":2)");
  const Command command = accepted(
      R"({"msgType":"write","data":{"path":"9"},"msgType":"read","data":{"path":"5","path":"/3"}})");
  CHECK(command.operation == Operation::read);
  CHECK(command.path == parse_path("/3"));
  CHECK(command.request_data == R"({"path":"5","path":"/3"})");
}

TEST_CASE("keys with escapes are the keys they name") {
  const Command command =
      accepted(R"({"m\u0073gType":"read","d\u0061ta":{"p\u0061th":"/3"},"x":1})");
  CHECK(command.echo == R"("x":1)");
  CHECK(command.request_data == R"({"p\u0061th":"/3"})");
}

TEST_CASE("the ways to write a path") {
  for (const std::string_view path : {"/3/0", "3/0", "/3/0/", "3/0/"}) {
    const Command command =
        accepted("read", std::string(R"({"path":")").append(path).append(R"("})"));
    CHECK(command.path == parse_path("/3/0"));
    CHECK(command.request_path == path);
  }
  CHECK(accepted("read", R"({"path":"65534/65534/65534/65534"})").path.depth == 4);
  CHECK(accepted("read", R"({"basePath":"/3/0"})").request_path == "/3/0");
  for (const std::string_view path : {"", "/", "a", "/a", "//", "/3//0", "/65535", "/70000", "-1",
                                      "3/0/1/2/3", " 3", "3/ 0", "/3/0.5", "٣"}) {
    CAPTURE(path);
    CHECK(reason("read", std::string(R"({"path":")").append(path).append(R"("})")) == "bad_path");
  }
  for (const std::string_view data : {R"({"path":3})", R"({"path":["3"]})", R"({"path":true})"}) {
    CHECK(reason("read", data) == "bad_path");
  }
  CHECK(reason("read", "{}") == "missing_path");
  CHECK(reason("read", R"({"path":null})") == "missing_path");
  CHECK(reason("read", R"({"Path":"/3"})") == "missing_path");
}

TEST_CASE("queries of a path, where they do no harm") {
  const Command command = accepted("read", R"({"path":"/3/0/0?x=1&&y&z=a=b"})");
  CHECK(command.request_path == "/3/0/0");
  CHECK(command.queries == std::vector<std::string>{"x=1", "y", "z=a=b"});
  CHECK(accepted("discover", R"({"path":"/3?x=1"})").queries.size() == 1);
  CHECK(accepted("read", R"({"path":"/3?"})").queries.empty());
  for (const auto& one : {
           std::pair{"write", R"({"path":"/3/0/1?pmin=1","value":1})"},
           std::pair{"observe", R"({"path":"/3/0/1?pmin=1"})"},
           std::pair{"cancel-observe", R"({"path":"/3/0/1?pmin=1"})"},
           std::pair{"write-attr", R"({"path":"/3/0/1?pmin=1","pmax":1})"},
           std::pair{"execute", R"({"path":"/3/0/4?a"})"},
           std::pair{"create", R"({"basePath":"/3303?a"})"},
           std::pair{"delete", R"({"path":"/3303/0?a"})"},
       }) {
    CAPTURE(one.second);
    CHECK(reason(one.first, one.second) == "query_not_allowed");
  }
  const std::string long_one(256, 'q');
  CHECK(reason("read", R"({"path":"/3?)" + long_one + R"("})") == "bad_query");
  CHECK(reason("read", R"({"path":"/3?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17"})") ==
        "bad_query");
  const Refused what = refused(request("observe", R"({"path":"3/0?a"})"));
  CHECK(what.reply.at("data").at("reqPath") == "3/0");
}

TEST_CASE("paths as deep as the operation goes") {
  struct {
    std::string_view type, rest;
    int least, most;
  } const cases[] = {
      {"read", "", 1, 4},
      {"discover", "", 1, 3},
      {"observe", "", 1, 4},
      {"cancel-observe", "", 1, 4},
      {"execute", "", 3, 3},
      {"delete", "", 2, 4},
      {"create", "", 1, 1},
      {"write", ",\"value\":1", 3, 4},
      {"write-attr", ",\"pmin\":1", 1, 4},
  };
  for (const auto& one : cases) {
    std::string path;
    for (int depth = 1; depth <= 4; ++depth) {
      path += "/5";
      const std::string data = R"({"path":")" + path + "\"" + std::string(one.rest) + "}";
      CAPTURE(one.type);
      CAPTURE(data);
      if (depth >= one.least && depth <= one.most) {
        CHECK(accepted(one.type, data).path.depth == depth);
      } else {
        CHECK(reason(one.type, data) == "bad_path");
      }
    }
  }
}

TEST_CASE("the object of keys is nobody's business") {
  for (const auto& one : {
           std::pair{"read", R"({"path":"/0"})"},
           std::pair{"read", R"({"path":"0/0/5?x"})"},
           std::pair{"discover", R"({"path":"/0/0"})"},
           std::pair{"observe", R"({"path":"/0/0/0"})"},
           std::pair{"write", R"({"path":"/0/0/0","value":"x"})"},
           std::pair{"write", R"({"basePath":"/0/0","content":[{"path":"0","value":"x"}]})"},
           std::pair{"write-attr", R"({"path":"/0/0/0","pmin":1})"},
           std::pair{"execute", R"({"path":"/0/0/0"})"},
           std::pair{"create", R"({"basePath":"/0"})"},
           std::pair{"delete", R"({"path":"/0/0"})"},
           std::pair{"read-composite", R"({"paths":["/3/0","/0/0"]})"},
           std::pair{"write-composite", R"({"content":[{"path":"/0/0/1","value":1}]})"},
       }) {
    CAPTURE(one.second);
    CHECK(reason(one.first, one.second) == "security_object");
  }
}

TEST_CASE("a write of one value") {
  Command command = accepted("write", R"({"path":"/3/0/13","type":"Time","value":1557200000})");
  CHECK(command.operation == Operation::write);
  CHECK(command.path == parse_path("/3/0/13"));
  CHECK_FALSE(command.replace);
  REQUIRE(command.items.size() == 1);
  CHECK(command.items[0] ==
        Item{*parse_path("/3/0/13"), {DataType::time, std::int64_t{1557200000}}});

  command = accepted("write", R"({"path":"/3/0/6/1","type":" integer ","value":"5"})");
  CHECK(command.items[0].path == parse_path("/3/0/6/1"));
  CHECK(command.items[0].value == Value{DataType::integer, std::int64_t{5}});
}

TEST_CASE("without a type the definition counts, then JSON") {
  const auto type = [](std::string_view data) {
    return accepted("write", data).items.at(0).value.type;
  };
  CHECK(type(R"({"path":"/3/0/13","value":5})") == DataType::time);
  CHECK(type(R"({"path":"/3/0/14","value":5})") == DataType::string);
  CHECK(type(R"({"path":"/3/0/14","type":null,"value":5})") == DataType::string);
  CHECK(type(R"({"path":"/3/0/14","type":"","value":5})") == DataType::string);
  CHECK(type(R"({"path":"/3/0/6/0","value":"5"})") == DataType::integer);
  CHECK(type(R"({"path":"/3303/0/3","value":5})") == DataType::unsigned_integer);
  CHECK(type(R"({"path":"/3303/0/4","value":5})") == DataType::floating);
  CHECK(type(R"({"path":"/3303/0/6","value":"AAE="})") == DataType::opaque);
  CHECK(type(R"({"path":"/3303/0/8","value":"66:1"})") == DataType::objlnk);
  CHECK(type(R"({"path":"/99/0/1","value":5})") == DataType::integer);
  CHECK(type(R"({"path":"/99/0/1","value":5.5})") == DataType::floating);
  CHECK(type(R"({"path":"/99/0/1","value":"5"})") == DataType::string);
  CHECK(type(R"({"path":"/99/0/1","value":true})") == DataType::boolean);
  CHECK(type(R"({"path":"/3/0/4","value":"x"})") == DataType::string);
  CHECK(type(R"({"path":"/3/0/13","type":"String","value":5})") == DataType::string);
  CHECK(reason("write", R"({"path":"/3/0/13","value":"noon"})") == "bad_value");
}

TEST_CASE("writes that are refused") {
  CHECK(reason("write", R"({"path":"/3/0/13"})") == "missing_value");
  CHECK(reason("write", R"({"value":1})") == "missing_path");
  CHECK(reason("write", R"({"path":"/3/0/13","value":null})") == "bad_value");
  CHECK(reason("write", R"({"path":"/3/0/13","value":[1]})") == "bad_value");
  CHECK(reason("write", R"({"path":"/3/0/13","type":"Date","value":1})") == "bad_type");
  CHECK(reason("write", R"({"path":"/3/0/13","type":5,"value":1})") == "bad_type");
  CHECK(reason("write", R"({"path":"/3/0/13","type":"Integer","value":"x"})") == "bad_value");
  CHECK(reason("write", R"({"path":"/3303/0/6","type":"Opaque","value":"?"})") == "bad_value");
  CHECK(reason("write", R"({"path":"/3/0","value":1})") == "bad_path");
}

TEST_CASE("a batch") {
  Command command = accepted("write", R"({"basePath":"/3/0/","content":[
      {"path":"13","type":"Integer","value":1},
      {"path":"/14","value":"+02:00"},
      {"path":"6/1","value":5}]})");
  CHECK(command.path == parse_path("/3/0"));
  CHECK(command.request_path == "/3/0/");
  CHECK_FALSE(command.replace);
  REQUIRE(command.items.size() == 3);
  CHECK(command.items[0].path == parse_path("/3/0/13"));
  CHECK(command.items[0].value.type == DataType::integer);
  CHECK(command.items[1].path == parse_path("/3/0/14"));
  CHECK(command.items[1].value == Value{DataType::string, "+02:00"s});
  CHECK(command.items[2].path == parse_path("/3/0/6/1"));

  command = accepted("write", R"({"basePath":"3/0/6","content":[{"path":"0","value":1}]})");
  CHECK(command.path == parse_path("/3/0/6"));
  CHECK(command.items.at(0).path == parse_path("/3/0/6/0"));
  CHECK(command.items.at(0).value.type == DataType::integer);

  constexpr auto with_mode = [](std::string_view mode) {
    return std::string(R"({"basePath":"3/0","mode":)")
        .append(mode)
        .append(R"(,"content":[{"path":"14","value":"a"}]})");
  };
  CHECK(accepted("write", with_mode("\"replace\"")).replace);
  CHECK_FALSE(accepted("write", with_mode("\"update\"")).replace);
  CHECK_FALSE(accepted("write", with_mode("null")).replace);
  CHECK(reason("write", with_mode("\"put\"")) == "bad_mode");
  CHECK(reason("write", with_mode("1")) == "bad_mode");
}

TEST_CASE("batches that are refused") {
  const auto batch = [](std::string_view base, std::string_view content) {
    return reason("write", std::string(R"({"basePath":")")
                               .append(base)
                               .append(R"(","content":)")
                               .append(content)
                               .append("}"));
  };
  CHECK(batch("/3/0", "{}") == "bad_content");
  CHECK(batch("/3/0", "\"x\"") == "bad_content");
  CHECK(batch("/3/0", "[]") == "missing_content");
  CHECK(batch("/3/0", "[1]") == "bad_content");
  CHECK(batch("/3/0", "[[]]") == "bad_content");
  CHECK(batch("/3/0", R"([{"value":1}])") == "missing_path");
  CHECK(batch("/3/0", R"([{"path":"","value":1}])") == "bad_path");
  CHECK(batch("/3/0", R"([{"path":13,"value":1}])") == "bad_path");
  CHECK(batch("/3/0", R"([{"path":"x","value":1}])") == "bad_path");
  CHECK(batch("/3/0", R"([{"path":"1/2/3","value":1}])") == "bad_path");
  CHECK(batch("/3/0", R"([{"path":"13"}])") == "missing_value");
  CHECK(batch("/3/0", R"([{"path":"13","type":"?","value":1}])") == "bad_type");
  CHECK(batch("/3/0", R"([{"path":"14","value":"a"},{"path":"13","value":"a"}])") == "bad_value");
  CHECK(batch("/3/0/6", R"([{"path":"0/1","value":1}])") == "bad_path");
  CHECK(batch("/3/0/6/0", R"([{"path":"0","value":1}])") == "bad_path");
  CHECK(batch("/3", R"([{"path":"0/13","value":1}])") == "bad_path");
  CHECK(batch("", R"([{"path":"3/0/13","value":1}])") == "bad_path");

  std::string many = "[";
  for (int i = 0; i < 5; ++i) many += R"({"path":"14","value":""},)";
  many.back() = ']';
  const auto limited = [&](std::size_t most) {
    return parsed(request("write", R"({"basePath":"3/0","content":)" + many + "}"),
                  CommandLimits{.max_items = most});
  };
  CHECK(std::holds_alternative<Command>(limited(5)));
  REQUIRE(std::holds_alternative<RefusedCommand>(limited(4)));
  CHECK(std::get<RefusedCommand>(limited(4)).reason == "too_many_items");
}

TEST_CASE("encodings of values") {
  const auto with = [](std::string_view encoding, std::string_view data) {
    return std::string(R"({"encoding":)")
        .append(encoding)
        .append(R"(,"msgType":"write","data":)")
        .append(data)
        .append("}");
  };
  Command command = accepted(with("\"hex\"", R"({"path":"/99/0/1","value":"00ff"})"));
  CHECK(command.items.at(0).value == Value{DataType::opaque, "\0\xff"s});
  CHECK(command.echo == R"("encoding":"hex")");
  command = accepted(with("\"hex\"", R"({"path":"/3/0/13","type":"Integer","value":"0102"})"));
  CHECK(command.items.at(0).value == Value{DataType::opaque, "\1\2"s});
  command =
      accepted(with("\"hex\"", R"({"basePath":"/3/0","content":[{"path":"14","value":"6162"}]})"));
  CHECK(command.items.at(0).value == Value{DataType::string, "ab"s});
  command = accepted(with("\"raw\"", R"({"path":"/3303/0/6","value":"AAE="})"));
  CHECK(command.items.at(0).value == Value{DataType::opaque, "AAE="s});
  for (const std::string_view usual : {"null", "\"\"", "\"base64\""}) {
    command = accepted(with(usual, R"({"path":"/3303/0/6","value":"AAE="})"));
    CHECK(command.items.at(0).value == Value{DataType::opaque, "\0\1"s});
  }
  CHECK(refused(with("\"hex\"", R"({"path":"/99/0/1","value":"0"})")).reason == "bad_value");
  CHECK(refused(with("\"hex\"", R"({"path":"/99/0/1","value":"0x"})")).reason == "bad_value");
  CHECK(refused(with("\"hex\"", R"({"path":"/99/0/1","value":5})")).reason == "bad_value");
  CHECK(refused(with("\"HEX\"", R"({"path":"/99/0/1","value":"00"})")).reason == "bad_encoding");
  CHECK(refused(with("16", R"({"path":"/99/0/1","value":"00"})")).reason == "bad_encoding");
}

TEST_CASE("attributes") {
  CHECK(accepted("write-attr", R"({"path":"/3/0/9","pmin":"1","pmax":60})").queries ==
        std::vector<std::string>{"pmin=1", "pmax=60"});
  CHECK(accepted("write-attr",
                 R"({"gt":5.5,"path":"/3/0/9","lt":-1,"st":null,"pmin":"","pmax":"cancel"})")
            .queries == std::vector<std::string>{"gt=5.5", "lt=-1", "pmin", "pmax"});
  CHECK(accepted("write-attr", R"({"basePath":"/3","epmin":1,"epmax":2})").queries.size() == 2);
  CHECK(accepted("write-attr", R"({"path":"/3","pmin":1})").items.empty());
  CHECK(reason("write-attr", R"({"path":"/3/0/9"})") == "missing_attributes");
  CHECK(reason("write-attr", R"({"path":"/3/0/9","pmin":null})") == "missing_attributes");
  CHECK(reason("write-attr", R"({"path":"/3/0/9","pmin":1,"dim":5})") == "unknown_attribute");
  CHECK(reason("write-attr", R"({"path":"/3/0/9","pmin":1,"value":5})") == "unknown_attribute");
  CHECK(reason("write-attr", R"({"path":"/3/0/9","pmin":"soon"})") == "bad_value");
  CHECK(reason("write-attr", R"({"path":"/3/0/9","pmin":true})") == "bad_value");
  CHECK(reason("write-attr", R"({"pmin":1})") == "missing_path");
}

TEST_CASE("an execute") {
  CHECK(accepted("execute", R"({"path":"/3/0/4","args":"0='x',1"})").arguments == "0='x',1");
  for (const std::string_view none :
       {R"({"path":"/3/0/4"})", R"({"path":"/3/0/4","args":null})",
        R"({"path":"/3/0/4","args":"undefined"})", R"({"path":"/3/0/4","args":""})"}) {
    CHECK(accepted("execute", none).arguments.empty());
  }
  const auto args = [](std::string_view text) {
    return reason("execute", std::string(R"({"path":"/3/0/4","args":)").append(text).append("}"));
  };
  CHECK(args("5") == "bad_args");
  CHECK(args("[]") == "bad_args");
  CHECK(args("\"a\\n\"") == "bad_args");
  CHECK(args("\"é\"") == "bad_args");
  CHECK(args("\"" + std::string(1025, 'x') + "\"") == "bad_args");
  CHECK(accepted("execute", R"({"path":"/3/0/4","args":")" + std::string(1024, 'x') + "\"}")
            .arguments.size() == 1024);
}

TEST_CASE("a create, with and without an instance") {
  Command command = accepted("create", R"({"basePath":"/3303","content":[
      {"path":"1/4","type":"Float","value":1.0},{"path":"/1/1","value":"C"}]})");
  CHECK(command.operation == Operation::create);
  CHECK(command.path == parse_path("/3303"));
  CHECK_FALSE(command.chosen_by_device);
  REQUIRE(command.items.size() == 2);
  CHECK(command.items[0].path == parse_path("/3303/1/4"));
  CHECK(command.items[1].path == parse_path("/3303/1/1"));

  command = accepted("create", R"({"basePath":"/3303","content":[{"path":"4","value":1}]})");
  CHECK(command.chosen_by_device);
  REQUIRE(command.items.size() == 1);
  CHECK(command.items[0].path == parse_path("/3303/0/4"));
  CHECK(command.items[0].value == Value{DataType::floating, 1.0});

  command = accepted("create", R"({"path":"3303","content":[{"path":"2/6/0","value":"AA=="}]})");
  CHECK(command.items.at(0).path == parse_path("/3303/2/6/0"));

  for (const std::string_view empty :
       {R"({"basePath":"/3303"})", R"({"basePath":"/3303","content":[]})",
        R"({"basePath":"/3303","content":null})"}) {
    command = accepted("create", empty);
    CHECK(command.chosen_by_device);
    CHECK(command.items.empty());
  }
  const auto content = [](std::string_view list) {
    return reason("create",
                  std::string(R"({"basePath":"/3303","content":)").append(list).append("}"));
  };
  CHECK(content(R"([{"path":"0/1","value":"a"},{"path":"1/1","value":"a"}])") == "bad_path");
  CHECK(content(R"([{"path":"0/1","value":"a"},{"path":"1","value":"a"}])") == "bad_path");
  CHECK(content(R"([{"path":"1","value":"a"},{"path":"0/1","value":"a"}])") == "bad_path");
  CHECK(content(R"([{"path":"0/1/2/3","value":"a"}])") == "bad_path");
  CHECK(content(R"([{"path":"0/2","value":"a"}])") == "bad_value");
  CHECK(content("5") == "bad_content");
  CHECK(content("\"0/1\"") == "bad_content");
  CHECK(reason("create", R"({"basePath":"/3303/0"})") == "bad_path");
}

TEST_CASE("composite operations") {
  Command command = accepted("read-composite", R"({"paths":["/3/0/0","3303/0","/1"]})");
  CHECK(command.operation == Operation::read_composite);
  CHECK(command.request_path == "/");
  CHECK(command.path == Path());
  CHECK(command.paths ==
        std::vector<Path>{*parse_path("/3/0/0"), *parse_path("/3303/0"), *parse_path("/1")});
  command = accepted("write-composite", R"({"content":[{"path":"/3/0/14","value":"a"},
      {"path":"3303/0/6/1","type":"Opaque","value":"AA=="}]})");
  CHECK(command.operation == Operation::write_composite);
  REQUIRE(command.items.size() == 2);
  CHECK(command.items[0].path == parse_path("/3/0/14"));
  CHECK(command.items[1].path == parse_path("/3303/0/6/1"));
  CHECK(reason("read-composite", "{}") == "missing_path");
  CHECK(reason("read-composite", R"({"paths":[]})") == "missing_path");
  CHECK(reason("read-composite", R"({"paths":"/3"})") == "bad_path");
  CHECK(reason("read-composite", R"({"paths":["/"]})") == "bad_path");
  CHECK(reason("read-composite", R"({"paths":[3]})") == "bad_path");
  CHECK(reason("write-composite", "{}") == "missing_content");
  CHECK(reason("write-composite", R"({"content":[{"path":"/3/0","value":1}]})") == "bad_path");
}

TEST_CASE("how long it may wait") {
  const auto with = [](std::string_view ttl) {
    return std::string(R"({"ttl":)")
        .append(ttl)
        .append(R"(,"msgType":"read","data":{"path":"3"}})");
  };
  CHECK(accepted(with("60")).ttl_s == 60);
  CHECK(accepted(with("0")).ttl_s == 0);
  CHECK(accepted(with("60.0")).ttl_s == 60);
  CHECK(accepted(with("9999999999")).ttl_s == 0xffffffff);
  CHECK_FALSE(accepted(with("null")).ttl_s);
  CHECK(accepted(with("60")).echo == R"("ttl":60)");
  for (const std::string_view bad : {"-1", "1.5", "\"60\"", "[]", "true", "1e300"}) {
    CAPTURE(bad);
    CHECK(refused(with(bad)).reason == "bad_ttl");
  }
}

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
