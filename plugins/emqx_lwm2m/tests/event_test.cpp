#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <string>

#include "emqx_lwm2m/command/reply.hpp"
#include "known_objects.hpp"

using namespace lwm2m;
using namespace std::string_literals;

namespace {

Registration registration() {
  Registration out;
  out.endpoint = "ep1";
  out.lifetime_s = 300;
  out.objects = {"/1/0", "/3/0"};
  return out;
}

}  // namespace

TEST_CASE("a registration") {
  Registration device = registration();
  CHECK(
      event(Event::registered, device) ==
      R"({"msgType":"register","data":{"ep":"ep1","lt":300,"lwm2m":"1.0","alternatePath":"/","objectList":["/1/0","/3/0"]}})");
  device.binding = "UQ";
  device.sms = "+49\"1";
  device.queue_flag = true;
  device.version = "1.1";
  device.alternate_path = "/lwm2m";
  device.objects.clear();
  device.others = {{"apn", "ctnb"}, {"bare", ""}};
  CHECK(
      event(Event::updated, device) ==
      R"({"msgType":"update","data":{"ep":"ep1","lt":300,"lwm2m":"1.1","b":"UQ","Q":true,"sms":"+49\"1","alternatePath":"/lwm2m","objectList":[],"apn":"ctnb","bare":""}})");
}

TEST_CASE("the end of a registration") {
  CHECK(event(Event::deregistered, registration()) ==
        R"({"msgType":"deregister","data":{"ep":"ep1"}})");
  CHECK(event(Event::expired, registration()) == R"({"msgType":"expired","data":{"ep":"ep1"}})");
}

TEST_CASE("names with anything in them are JSON all the same") {
  Registration device = registration();
  device.endpoint = "a\"\\\n/é";
  CHECK(event(Event::expired, device) == R"({"msgType":"expired","data":{"ep":"a\"\\\n/é"}})");
  device.others = {{"k\"", "\x01"}};
  CHECK_NOTHROW(boost::json::parse(event(Event::registered, device)));
}

TEST_CASE("what a device sends by itself") {
  const Definitions definitions = test::known_objects();
  const Types types{.definitions = &definitions};
  Decoded content{.items = {{.path = *parse_path("/3/0/9"),
                             .value = {DataType::integer, std::int64_t{95}},
                             .time = 1367491215}}};
  CHECK(
      sent(content, types, {}) ==
      R"({"msgType":"send","data":{"content":[{"path":"/3/0/9","value":95,"time":1367491215}]}})");
  CHECK(
      sent(content, types, {.content_meta = true}) ==
      R"({"msgType":"send","data":{"content":[{"path":"/3/0/9","value":95,"name":"Battery Level","type":"Integer","time":1367491215}]}})");
  content.items.clear();
  CHECK(sent(content, types, {}) == R"({"msgType":"send","data":{"content":[]}})");
}
