// Commands of MQTT clients and operators: what goes over the wire, and that each gets one answer.
#include "emqx_lwm2m/tests/device_fixture.hpp"

using namespace lwm2m;
using namespace lwm2m_test;

namespace {

std::string command(std::string_view type, std::string_view data) {
  return R"({"reqID":7,"msgType":")" + std::string(type) + R"(","data":)" + std::string(data) + "}";
}

std::string answered(std::string_view type, std::string_view path, std::string_view code,
                     std::string_view more = {}) {
  return R"(response {"reqID":7,"msgType":")" + std::string(type) + R"(","data":{"reqPath":")" +
         std::string(path) + R"(",)" + std::string(code) + std::string(more) + "}}";
}

constexpr std::string_view kContent = R"("code":"2.05","codeMsg":"content")";
constexpr std::string_view kChanged = R"("code":"2.04","codeMsg":"changed")";
constexpr std::string_view kTimeout =
    R"(response {"reqID":7,"msgType":"coap_timeout","data":{"reqPath":"/3/0/9","reqType":"read",)"
    R"("code":"5.04","codeMsg":"gateway_timeout"}})";
const std::string kRead = command("read", R"({"path":"/3/0/9"})");

}  // namespace

TEST_CASE("a Read") {
  Machine m;
  m.begin();
  CHECK(m.command(kRead) == "GET 3/0/9 accept 11542");
  CHECK(m.device->waiting() == 1);
  CHECK(m.answer(coap::kContent, {{}, kTlv, octets("C10964")}) ==
        answered("read", "/3/0/9", kContent, R"(,"content":[{"path":"/3/0/9","value":100}])"));
  CHECK(m.device->waiting() == 0);
  CHECK(m.counters.commands == 1);
  CHECK(m.counters.answered == 1);
  // Another copy of the answer is none.
  CHECK(m.answer(coap::kContent, {{}, kTlv, octets("C10964")}) == "");
}

TEST_CASE("each operation and what it becomes") {
  struct Case {
    std::string_view type, data, wire;
  };
  const Case cases[] = {
      {"read", R"({"path":"/3/0"})", "GET 3/0 accept 11542"},
      {"read", R"({"path":"3/0/6/1"})", "GET 3/0/6/1 accept 11542"},
      {"discover", R"({"path":"/3/0"})", "GET 3/0 accept 40"},
      {"write", R"({"path":"/1/0/1","value":60})", "PUT 1/0/1 format 11542 C1013C"},
      {"write", R"({"basePath":"/3/0","content":[{"path":"14","value":"x"}]})",
       "POST 3/0 format 11542 C10E78"},
      {"write", R"({"basePath":"/3/0","mode":"replace","content":[{"path":"14","value":"x"}]})",
       "PUT 3/0 format 11542 C10E78"},
      {"write", R"({"basePath":"/3/0/6","content":[{"path":"0","value":1}]})",
       "PUT 3/0/6 format 11542 8306410001"},
      {"write", R"({"path":"/5/0/0","value":"AQI="})", "PUT 5/0/0 format 42 0102"},
      {"write-attr", R"({"path":"/3/0/9","pmin":"1","pmax":60})", "PUT 3/0/9?pmin=1&pmax=60"},
      {"execute", R"({"path":"/3/0/4"})", "POST 3/0/4"},
      {"execute", R"({"path":"/3/0/4","args":"0='x'"})", "POST 3/0/4 format 0 303D277827"},
      {"create", R"({"basePath":"/3303","content":[{"path":"1/5700","value":1.5}]})",
       "POST 3303 format 11542 08010CE8164408"},
      {"create", R"({"path":"/3303"})", "POST 3303"},
      {"delete", R"({"path":"/3303/1"})", "DELETE 3303/1"},
      {"observe", R"({"path":"/3/0/9"})", "GET 3/0/9 observe 0 accept 11542"},
      {"cancel-observe", R"({"path":"/3/0/9"})", "GET 3/0/9 observe 1 accept 11542"},
      {"read-composite", R"({"paths":["/3/0/9"]})",
       "FETCH  format 110 accept 110 5B7B226E223A222F332F302F39227D5D"},
      {"write-composite", R"({"content":[{"path":"/1/0/1","value":60}]})",
       "iPATCH  format 110 5B7B226E223A222F312F302F31222C2276223A36307D5D"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type);
    CAPTURE(c.data);
    Machine m;
    m.begin();
    CHECK(m.command(command(c.type, c.data)).starts_with(c.wire));
    // Whatever the device says, it is an answer.
    const std::string told = m.answer(coap::code(4, 29));
    CHECK(told.find(R"("reqID":7,"msgType":")" + std::string(c.type)) != std::string::npos);
    CHECK(told.find(R"("code":"4.29","codeMsg":)") != std::string::npos);
    CHECK(told.find('\n') == std::string::npos);
    CHECK(m.device->waiting() == 0);
  }
}

TEST_CASE("answers of the device") {
  Machine m;
  m.begin();
  SUBCASE("links of a Discover") {
    m.command(command("discover", R"({"path":"/3/0"})"));
    CHECK(m.answer(coap::kContent, {{}, 40, "</3/0>;dim=8,</3/0/0>;x=\"a,b\""}) ==
          answered("discover", "/3/0", kContent,
                   R"(,"content":["</3/0>;dim=8","</3/0/0>;x=\"a,b\""])"));
  }
  SUBCASE("where a Create made it") {
    m.command(command("create", R"({"path":"/3303"})"));
    CHECK(m.answer(coap::kCreated, {{}, {}, "", {"3303", "4"}}) ==
          answered("create", "/3303", R"("code":"2.01","codeMsg":"created")",
                   R"(,"location":"/3303/4")"));
  }
  SUBCASE("success of another kind than expected") {
    m.command(command("execute", R"({"path":"/3/0/4"})"));
    CHECK(m.answer(coap::kContent, Machine::text("x")) == answered("execute", "/3/0/4", kContent));
  }
  SUBCASE("an error has no content") {
    m.command(kRead);
    CHECK(m.answer(coap::kNotFound, Machine::text("x")) ==
          answered("read", "/3/0/9", R"("code":"4.04","codeMsg":"not_found")"));
    CHECK(m.counters.errors == 1);
  }
  SUBCASE("what cannot be read") {
    m.command(kRead);
    CHECK(m.answer(coap::kContent, {{}, kTlv, octets("C80905")}) ==
          answered("read", "/3/0/9",
                   R"("code":"5.02","codeMsg":"bad_gateway","reason":"bad_payload",)"
                   R"("raw":"yAkF","format":11542)"));
    CHECK(m.counters.errors == 1);
  }
  SUBCASE("a response of its own, later") {
    m.command(kRead);
    const std::string token = m.token();
    CHECK(m.empty(coap::Type::ack) ==
          R"(response {"reqID":7,"msgType":"ack","data":{"path":"/3/0/9"}})");
    CHECK(m.empty(coap::Type::ack) == "");
    m.after(50'000);
    CHECK(m.say(coap::kContent, token, Machine::text("5")) ==
          "ACK\n" +
              answered("read", "/3/0/9", kContent, R"(,"content":[{"path":"/3/0/9","value":5}])"));
  }
  SUBCASE("and nobody wants to know that it will come") {
    m.settings->publish_ack = false;
    m.command(kRead);
    CHECK(m.empty(coap::Type::ack) == "");
  }
  SUBCASE("a response of its own that never comes") {
    m.command(kRead);
    m.empty(coap::Type::ack);
    CHECK(m.after(92'999) == "");
    CHECK(m.after(1) == kTimeout);
    CHECK(m.counters.timeouts == 1);
  }
  SUBCASE("none at all") {
    m.command(kRead);
    std::string told = m.after(100'000);
    CHECK(told.ends_with(kTimeout));
    CHECK(std::count(told.begin(), told.end(), '\n') == 4);  // four more copies
    CHECK(m.after(100'000) == "");
  }
  SUBCASE("a reset") {
    m.command(kRead);
    CHECK(m.empty(coap::Type::rst) ==
          R"(response {"reqID":7,"msgType":"coap_reset","data":{"reqPath":"/3/0/9",)"
          R"("reqType":"read","code":"5.02","codeMsg":"bad_gateway"}})");
    CHECK(m.counters.resets == 1);
  }
  SUBCASE("more than fits") {
    m.coap_settings->max_body_size = 1500;
    m.command(kRead);
    std::string told;
    for (std::uint32_t block = 0; block < 2; ++block) {
      const coap::Message asked = m.asked();
      std::string ack;
      coap::Writer to(ack, coap::Type::ack, coap::kContent, asked.id, asked.token);
      to.number(coap::option::kBlock2, block << 4 | 8 | 6);
      to.payload(std::string(1024, 'x'));
      told = m.in(ack);
    }
    CHECK(told == answered("read", "/3/0/9",
                           R"("code":"4.13","codeMsg":"request_entity_too_large")",
                           R"(,"reason":"too_large")"));
  }
}

TEST_CASE("what is answered at once") {
  Machine m;
  m.begin();
  struct Case {
    std::string_view payload, answer;
  };
  const Case cases[] = {
      {"{", R"("reason":"invalid_json")"},
      {R"({"reqID":1,"msgType":"read","data":{"path":"/70000"}})", R"("code":"4.00")"},
      {R"({"reqID":1,"msgType":"read","data":{"path":"/0/0"}})", R"("code":"4.01")"},
      {R"({"reqID":1,"msgType":"x","data":{"path":"/3"}})", R"("code":"4.00")"},
      {R"({"CmdID":1,"Command":"Read"})", R"("Error":"Bad Request")"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.payload);
    const std::string told = m.command(c.payload);
    CHECK(told.starts_with("response {"));
    CHECK(told.find(c.answer) != std::string::npos);
  }
  CHECK(m.counters.errors == std::size(cases));
  CHECK(m.device->waiting() == 0);
}

TEST_CASE("an answer goes where the command came from") {
  Machine m;
  m.begin();
  m.command(kRead, {}, Channel::v3);
  CHECK(m.answer(coap::kNotFound).starts_with("v3 {\"reqID\":7"));
  m.command(kRead, {}, Channel::operation, 42);
  CHECK(m.empty(coap::Type::ack) == "");  // operators wait for the end
  CHECK(m.empty(coap::Type::rst) == "");
  CHECK(m.say(coap::kNotFound, m.token(), {}).starts_with("ACK\nanswered 42 {\"reqID\":7"));
  CHECK(m.command("{", {}, Channel::operation, 43).starts_with("answered 43 {"));
  m.settings->command.answer_garbage = false;
  CHECK(m.command("{") == "");
  CHECK(m.command("{", {}, Channel::operation, 44) == "answered 44 ");
}

TEST_CASE("many commands are asked one at a time, in order") {
  Machine m;
  m.begin();
  for (int i = 0; i < 50; ++i) {
    CAPTURE(i);
    CHECK(m.read(i) == (i == 0 ? "GET 3/0/9 accept 11542" : ""));
  }
  CHECK(m.device->waiting() == 50);
  for (int i = 0; i < 50; ++i) {
    CAPTURE(i);
    const std::string told = m.answer(coap::kContent, Machine::text(std::to_string(i)));
    CHECK(told.starts_with(R"(response {"reqID":)" + std::to_string(i) + ","));
    CHECK(told.ends_with("GET 3/0/9 accept 11542") == (i != 49));
  }
  CHECK(m.device->waiting() == 0);
  CHECK(m.counters.queued == 49);
}

TEST_CASE("a queue that is full") {
  Machine m;
  SUBCASE("of commands") {
    m.settings->queue_max = 2;
    m.begin();
    for (int i = 0; i < 3; ++i) m.read(i);
  }
  SUBCASE("of octets") {
    m.settings->queue_max_octets = 120;
    m.begin();
    for (int i = 0; i < 3; ++i) m.read(i);
  }
  CHECK(m.read(3) ==
        R"(response {"reqID":3,"msgType":"read","data":{"reqPath":"/3/0/9","code":"5.03",)"
        R"("codeMsg":"service_unavailable","reason":"queue_full"}})");
  CHECK(m.counters.queue_full == 1);
  CHECK(m.device->waiting() == 3);
}

TEST_CASE("the end answers all that wait, in order") {
  Machine m;
  m.begin();
  std::string expected;
  SUBCASE("it leaves") {
    for (int i = 0; i < 3; ++i) m.read(i);
    const std::string told = m.ask(coap::kDelete, {"rd", "loc1"});
    std::size_t at = told.find("2.02");
    for (int i = 0; i < 3; ++i) {
      at = told.find(R"(response {"reqID":)" + std::to_string(i), at);
      REQUIRE(at != std::string::npos);
    }
    CHECK(told.find("not_registered") < told.find("deregister\""));
    CHECK(told.ends_with("over"));
    CHECK(m.counters.offline == 3);
  }
  SUBCASE("the plugin stops") {
    for (int i = 0; i < 3; ++i) m.read(i);
    m.device->end(Refusal::shutdown, std::nullopt);
    const std::string told = m.out.take();
    CHECK(std::count(told.begin(), told.end(), '\n') == 2);
    CHECK(told.find(R"("reason":"shutdown")") != std::string::npos);
  }
  CHECK(m.device->waiting() == 0);
  CHECK(m.answer(coap::kContent, Machine::text("1")) == "");
  CHECK(m.after(1'000'000) == "");
}

TEST_CASE("a body in blocks, and how far it is") {
  Machine m;
  m.coap_settings->block_size = 1024;
  m.begin();
  // 40 KiB, base64.
  std::string value;
  for (int i = 0; i < 40 * 1024 / 3; ++i) value += "AAAA";
  m.command(command("write", R"({"path":"/5/0/0","value":")" + value + "\"}"));
  int told = 0;
  std::string last;
  for (int block = 0; block < 40; ++block) {
    const coap::Message asked = m.asked();
    std::string ack;
    const bool final = block == 39;
    coap::Writer to(ack, coap::Type::ack, final ? coap::kChanged : coap::kContinue, asked.id,
                    asked.token);
    to.number(coap::option::kBlock1, static_cast<std::uint32_t>(block) << 4 | (final ? 0 : 8) | 6);
    last = m.in(ack);
    told += last.find("\"progress\"") != std::string::npos;
  }
  CHECK(told == 20);
  CHECK(last.find(R"("sent":40959,"total":40959)") != std::string::npos);
  CHECK(last.ends_with(answered("write", "/5/0/0", kChanged)));
}

TEST_CASE("a body beyond the limit is refused here") {
  Machine m;
  m.coap_settings->max_body_size = 8;
  m.begin();
  CHECK(m.command(command("write", R"({"path":"/3/0/14","value":"123456789"})")) ==
        answered("write", "/3/0/14", R"("code":"4.13","codeMsg":"request_entity_too_large")",
                 R"(,"reason":"too_large")"));
}

TEST_CASE("an object root of the device's own") {
  Machine m;
  m.registration.alternate_path = "/lwm2m/x";
  m.begin();
  CHECK(m.read(1) == "GET lwm2m/x/3/0/9 accept 11542");
}

TEST_CASE("dialect A") {
  Machine m;
  m.begin();
  CHECK(m.command(R"({"CmdID":5,"Command":"Read","BaseName":"/3/0/9"})") ==
        "GET 3/0/9 accept 11542");
  CHECK(m.empty(coap::Type::ack) == "");
  CHECK(m.say(coap::kContent, m.token(), {{}, kTlv, octets("C10964")}) ==
        "ACK\n"
        R"(response {"CmdID":5,"Command":"Read","Result":{"bn":"/3/0/9","e":[{"v":100}]}})");
  CHECK(
      m.command(R"({"CmdID":6,"Command":"Write","Value":{"bn":"/3/0","e":[{"n":"14","sv":"x"}]}})")
          .starts_with("POST 3/0 format 11542 C10E78"));
  CHECK(m.answer(coap::kChanged) == R"(response {"CmdID":6,"Command":"Write","Result":"Changed"})");
}
