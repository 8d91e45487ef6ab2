// What `ctl lwm2m read` and the like ask of a device, and how its answer is told.
#include "emqx_lwm2m/ctl/operations.hpp"

#include <doctest/doctest.h>

namespace {

lwm2m::Definitions definitions() {
  lwm2m::Definitions out;
  lwm2m::ObjectDefinition device;
  device.id = 3;
  const auto add = [&](std::uint16_t id, const char* name, lwm2m::DataType type,
                       const char* units = "") {
    lwm2m::ResourceDefinition resource;
    resource.id = id;
    resource.name = name;
    resource.type = type;
    resource.units = units;
    device.resources.push_back(std::move(resource));
  };
  add(0, "Manufacturer", lwm2m::DataType::string);
  add(9, "Battery Level", lwm2m::DataType::integer, "%");
  add(13, "Current Time", lwm2m::DataType::time);
  out.add(std::move(device));
  return out;
}

lwm2m::OperationText told(std::string_view answer, bool json = false) {
  const lwm2m::Definitions all = definitions();
  return lwm2m::operation_text(answer, {&all, nullptr}, json);
}

}  // namespace

TEST_CASE("what a device is asked") {
  CHECK(lwm2m::operation("read", "/3/0") == R"({"msgType":"read","data":{"path":"/3/0"}})");
  CHECK(lwm2m::operation("cancel-observe", "3/0/9") ==
        R"({"msgType":"cancel-observe","data":{"path":"3/0/9"}})");
  CHECK(lwm2m::write_operation("/1/0/1", "60", "") ==
        R"({"msgType":"write","data":{"path":"/1/0/1","value":"60"}})");
  CHECK(lwm2m::write_operation("/1/0/1", "a\"b", "String") ==
        R"({"msgType":"write","data":{"path":"/1/0/1","value":"a\"b","type":"String"}})");
  CHECK(lwm2m::execute_operation("/3/0/4", "") ==
        R"({"msgType":"execute","data":{"path":"/3/0/4"}})");
  CHECK(lwm2m::execute_operation("/3/0/4", "0='x'") ==
        R"({"msgType":"execute","data":{"path":"/3/0/4","args":"0='x'"}})");
}

TEST_CASE("values stand behind the names of their resources") {
  const lwm2m::OperationText out = told(
      R"({"msgType":"read","data":{"reqPath":"/3/0","code":"2.05","codeMsg":"content","content":[)"
      R"({"path":"/3/0/0","value":"EM\nQ"},{"path":"/3/0/9","value":100},)"
      R"({"path":"/3/0/13","value":1367491215},{"path":"/3/0/99","value":1.5},)"
      R"({"path":"/3/0/9/1","value":true},{"path":"/3/0/9","value":"AQI=","error":"type_mismatch"})"
      R"(]}})");
  CHECK(out.ok);
  CHECK(out.text ==
        "/3/0/0    Manufacturer   EM\\x0aQ\n"
        "/3/0/9    Battery Level  100 %\n"
        "/3/0/13   Current Time   1367491215 (2013-05-02 10:40:15 UTC)\n"
        "/3/0/99                  1.5\n"
        "/3/0/9/1  Battery Level  true %\n"
        "/3/0/9    Battery Level  AQI=  (type_mismatch)\n");
}

TEST_CASE("without definitions there are paths and values") {
  const lwm2m::OperationText out = lwm2m::operation_text(
      R"({"msgType":"read","data":{"code":"2.05","content":[{"path":"/3/0/9","value":1}]}})", {},
      false);
  CHECK(out.ok);
  CHECK(out.text == "/3/0/9  1\n");
}

TEST_CASE("links, nothing, and done") {
  CHECK(
      told(R"({"msgType":"discover","data":{"code":"2.05","content":["</3/0>;dim=8","</3/0/0>"]}})")
          .text == "</3/0>;dim=8\n</3/0/0>\n");
  CHECK(
      told(R"({"msgType":"read","data":{"code":"2.05","codeMsg":"content","content":[]}})").text ==
      "there is nothing in it\n");
  const lwm2m::OperationText written =
      told(R"({"msgType":"write","data":{"reqPath":"/1/0/1","code":"2.04","codeMsg":"changed"}})");
  CHECK(written.ok);
  CHECK(written.text == "2.04 changed\n");
  CHECK(told(R"({"msgType":"observe","data":{"code":"2.05","codeMsg":"content",)"
             R"("content":[{"path":"/3/0/9","value":1}],"observed":false}})")
            .text == "/3/0/9  Battery Level  1 %\nthe device does not observe it\n");
}

TEST_CASE("what went wrong") {
  struct Case {
    const char* answer;
    const char* text;
  };
  const Case cases[] = {
      {R"({"msgType":"read","data":{"reqPath":"/9","code":"4.04","codeMsg":"not_found"}})",
       "4.04 not_found\n"},
      {R"({"msgType":"write","data":{"code":"4.00","codeMsg":"bad_request","reason":"type\n"}})",
       "4.00 bad_request: type\\x0a\n"},
      {R"({"msgType":"coap_timeout","data":{"code":"5.04","codeMsg":"gateway_timeout"}})",
       "5.04 gateway_timeout: the device did not answer\n"},
      {R"({"msgType":"coap_reset","data":{"code":"5.02","codeMsg":"bad_gateway"}})",
       "5.02 bad_gateway: the device refused to listen\n"},
      {"rubbish", "an answer that nobody can read: rubbish\n"},
      {"[]", "an answer that nobody can read: []\n"},
      {R"({"data":1})", "an answer that nobody can read: {\"data\":1}\n"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.answer);
    const lwm2m::OperationText out = told(each.answer);
    CHECK_FALSE(out.ok);
    CHECK(out.text == each.text);
  }
}

TEST_CASE("as JSON the answer is as it came") {
  const char* const kGood = R"({"msgType":"read","data":{"code":"2.05","content":[]}})";
  const char* const kBad = R"({"msgType":"read","data":{"code":"4.04"}})";
  CHECK(told(kGood, true).ok);
  CHECK(told(kGood, true).text == std::string(kGood) + '\n');
  CHECK_FALSE(told(kBad, true).ok);
  CHECK(told(kBad, true).text == std::string(kBad) + '\n');
}
