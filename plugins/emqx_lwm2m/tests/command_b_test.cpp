// Commands of dialect B: what they are read as, and with which words they are refused.
#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "command_b_support.hpp"

using namespace lwm2m;
using namespace lwm2m::test;
using namespace std::string_literals;

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
