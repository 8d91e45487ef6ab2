// What is observed, by whom, and what a device that registers again is asked anew.
#include "emqx_lwm2m/tests/device_fixture.hpp"

using namespace lwm2m;
using namespace lwm2m_test;

namespace {

constexpr std::string_view kObserve = "GET 3/0/9 observe 0 accept 11542";

std::string value(std::string_view number, std::string_view path = "/3/0/9") {
  return R"("data":{"reqPath":")" + std::string(path) +
         R"(","code":"2.05","codeMsg":"content","content":[{"path":")" + std::string(path) +
         R"(","value":)" + std::string(number) + "}]}}";
}
std::string notified(int id, int sequence, std::string_view number) {
  return R"(notify {"reqID":)" + std::to_string(id) + R"(,"msgType":"notify","seqNum":)" +
         std::to_string(sequence) + "," + value(number);
}

std::vector<std::string> paths(const Device& device) {
  std::vector<std::string> out;
  device.each_observation([&](const Device::ObservationView& view) {
    out.push_back(view.path.text() + (view.token.empty() ? " wanted" : "") +
                  (view.automatic ? " automatic" : ""));
  });
  return out;
}
using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("an observation") {
  Machine m;
  m.begin();
  CHECK(m.observe(7) == kObserve);
  const std::string token = m.token();
  CHECK(m.answer(coap::kContent, Machine::text("1", 5)) ==
        R"(response {"reqID":7,"msgType":"observe",)" + value("1"));
  CHECK(paths(*m.device) == Paths{"/3/0/9"});
  CHECK(m.say(coap::kContent, token, Machine::text("2", 6)) == "ACK\n" + notified(7, 6, "2"));
  CHECK(m.say(coap::kContent, token, Machine::text("3", 7), coap::Type::non) ==
        notified(7, 7, "3"));
  CHECK(m.say(coap::kContent, token, Machine::text("4", 6)) == "ACK");  // older
  CHECK(m.counters.notifications == 2);
  m.device->each_observation([&](const Device::ObservationView& view) {
    CHECK(view.sequence == 7);
    CHECK(view.last_ms == m.out.now);
    CHECK(view.token == token);
  });
}

TEST_CASE("a device that does not observe") {
  Machine m;
  m.begin();
  m.observe(7);
  CHECK(m.answer(coap::kContent, Machine::text("1")) ==
        R"(response {"reqID":7,"msgType":"observe","data":{"reqPath":"/3/0/9","code":"2.05",)"
        R"("codeMsg":"content","content":[{"path":"/3/0/9","value":1}],"observed":false}})");
  CHECK(paths(*m.device).empty());
  m.observe(8);
  CHECK(m.answer(coap::kNotFound) ==
        R"(response {"reqID":8,"msgType":"observe","data":{"reqPath":"/3/0/9","code":"4.04",)"
        R"("codeMsg":"not_found"}})");
  CHECK(paths(*m.device).empty());
}

TEST_CASE("an error ends an observation") {
  Machine m;
  m.begin();
  const std::string token = m.observed(7);
  const unsigned before = m.out.changes;
  CHECK(m.say(coap::kNotFound, token, {}) ==
        "ACK\n"
        R"(notify {"reqID":7,"msgType":"notify","seqNum":1,"data":{"reqPath":"/3/0/9",)"
        R"("code":"4.04","codeMsg":"not_found"}})");
  CHECK(paths(*m.device).empty());
  CHECK(m.out.changes > before);
  CHECK(m.say(coap::kContent, token, Machine::text("2", 9)) == "RST");
}

TEST_CASE("a notification that cannot be read") {
  Machine m;
  m.begin();
  const std::string token = m.observed(7);
  CHECK(m.say(coap::kContent, token, {2, kTlv, octets("C80905")}) ==
        "ACK\n"
        R"(notify {"reqID":7,"msgType":"notify","seqNum":2,"data":{"reqPath":"/3/0/9",)"
        R"("code":"5.02","codeMsg":"bad_gateway","reason":"bad_payload","raw":"yAkF",)"
        R"("format":11542}})");
  CHECK(paths(*m.device).size() == 1);
}

TEST_CASE("cancelling") {
  Machine m;
  m.begin();
  const std::string token = m.observed(7);
  const auto cancel = [&] {
    return m.command(R"({"reqID":8,"msgType":"cancel-observe","data":{"path":"/3/0/9"}})");
  };
  CHECK(cancel() == "GET 3/0/9 observe 1 accept 11542");
  CHECK(m.token() == token);
  SUBCASE("and the device agrees") {
    CHECK(m.answer(coap::kContent, Machine::text("2")) ==
          R"(response {"reqID":8,"msgType":"cancel-observe",)" + value("2"));
  }
  SUBCASE("or has forgotten it") {
    CHECK(m.answer(coap::kNotFound).find("4.04") != std::string::npos);
  }
  SUBCASE("or does not answer") {
    CHECK(m.after(100'000).find("coap_timeout") != std::string::npos);
  }
  CHECK(paths(*m.device).empty());
  CHECK(m.say(coap::kContent, token, Machine::text("3", 9)) == "RST");
  // What is not observed.
  CHECK(cancel() == "GET 3/0/9 observe 1 accept 11542");
  CHECK(m.token() != token);
  CHECK(m.answer(coap::kContent, Machine::text("2")) ==
        R"(response {"reqID":8,"msgType":"cancel-observe",)" + value("2"));
}

TEST_CASE("a second one of the same path takes its place") {
  Machine m;
  m.begin();
  const std::string first = m.observed(7);
  CHECK(m.observe(8) == kObserve);
  const std::string second = m.token();
  CHECK(second != first);
  // Until it is there, the first one is.
  CHECK(m.say(coap::kContent, first, Machine::text("2", 2)) == "ACK\n" + notified(7, 2, "2"));
  SUBCASE("if the device agrees") {
    CHECK(m.answer(coap::kContent, Machine::text("3", 1)) ==
          R"(response {"reqID":8,"msgType":"observe",)" + value("3"));
    CHECK(m.say(coap::kContent, second, Machine::text("4", 2)) == "ACK\n" + notified(8, 2, "4"));
    CHECK(m.say(coap::kContent, first, Machine::text("5", 3)) == "RST");
  }
  SUBCASE("else it stays") {
    m.answer(coap::kInternalError);
    CHECK(m.say(coap::kContent, first, Machine::text("5", 3)) == "ACK\n" + notified(7, 3, "5"));
  }
  CHECK(paths(*m.device) == Paths{"/3/0/9"});
}

TEST_CASE("a bound on observations") {
  Machine m;
  m.settings->max_observations = 2;
  m.begin();
  m.observed(1, "/3/0/9");
  m.observed(2, "/3/0/13");
  CHECK(m.observe(3, "/1/0/1") ==
        R"(response {"reqID":3,"msgType":"observe","data":{"reqPath":"/1/0/1","code":"4.00",)"
        R"("codeMsg":"bad_request","reason":"too_many_observations"}})");
  CHECK(m.observe(4, "/3/0/9") == kObserve);  // takes the place of another one
}

TEST_CASE("where notifications go") {
  Machine m;
  m.begin();
  constexpr std::string_view kA = R"({"CmdID":5,"Command":"Observe","BaseName":"/3/0/9"})";
  SUBCASE("of dialect A") {
    m.command(kA);
    const std::string token = m.token();
    CHECK(m.answer(coap::kContent, {1, kTlv, octets("C10964")}) ==
          R"(response {"CmdID":5,"Command":"Observe","Result":{"bn":"/3/0/9","e":[{"v":100}]}})");
    CHECK(m.say(coap::kContent, token, {2, kTlv, octets("C10965")}) ==
          "ACK\n"
          R"(response {"CmdID":5,"Command":"Observe","Result":{"bn":"/3/0/9","e":[{"v":101}]}})");
  }
  SUBCASE("of dialect A on the other channel") {
    m.command(kA, {}, Channel::v3);
    const std::string token = m.token();
    m.answer(coap::kContent, {1, kTlv, octets("C10964")});
    CHECK(m.say(coap::kContent, token, {2, kTlv, octets("C10965")}).starts_with("ACK\nv3 {"));
  }
  SUBCASE("of an operator") {
    m.command(R"({"msgType":"observe","data":{"path":"/3/0/9"}})", {}, Channel::operation, 4);
    const std::string token = m.token();
    CHECK(m.answer(coap::kContent, Machine::text("1", 1)).starts_with("answered 4 {"));
    CHECK(m.say(coap::kContent, token, Machine::text("2", 2)) ==
          "ACK\nnotify {\"msgType\":\"notify\",\"seqNum\":2," + value("2"));
  }
}

TEST_CASE("what an Update does not list any more is not observed any more") {
  Machine m;
  m.begin();
  m.observed(1, "/3/0/9");
  const std::string gone = m.observed(2, "/1/0/1");
  m.observed(3, "/3303");
  const auto list = [&](std::string links) {
    return m.ask(coap::kPost, {"rd", "loc1"}, {}, {{}, 40, std::move(links)});
  };
  list("</3>,</3303/1>");
  CHECK(paths(*m.device) == Paths{"/3/0/9", "/3303"});
  CHECK(m.say(coap::kContent, gone, Machine::text("2", 2)) == "RST");
  m.update();  // says nothing of objects
  CHECK(paths(*m.device).size() == 2);
}

TEST_CASE("a device that registers again is asked anew") {
  Machine m;
  m.begin();
  const std::string token = m.observed(7);
  const auto again = [&](bool elsewhere) {
    m.device->registered_again(m.registration, "loc2", elsewhere ? m.another_peer() : nullptr);
    m.out.take();
  };
  SUBCASE("from where it was") { again(false); }
  SUBCASE("from elsewhere") { again(true); }
  SUBCASE("without the object") {
    m.registration.objects = {"/1/0"};
    again(false);
    CHECK(paths(*m.device).empty());
    CHECK(m.after(100'000) == "");
    return;
  }
  SUBCASE("or not, if that is off") {
    m.settings->observe_restore = false;
    again(false);
    CHECK(paths(*m.device).empty());
    return;
  }
  CHECK(paths(*m.device) == Paths{"/3/0/9 wanted"});
  CHECK(m.say(coap::kContent, token, Machine::text("2", 2)) == "RST");
  CHECK(m.after(1'999) == "");
  CHECK(m.after(1) == kObserve);
  const std::string fresh = m.token();
  CHECK(fresh != token);
  SUBCASE("and observes") {
    CHECK(m.answer(coap::kContent, Machine::text("3", 1)) ==
          R"(notify {"reqID":7,"msgType":"notify","seqNum":1,"restored":true,)" + value("3"));
    CHECK(m.say(coap::kContent, fresh, Machine::text("4", 2)) == "ACK\n" + notified(7, 2, "4"));
    CHECK(paths(*m.device) == Paths{"/3/0/9"});
  }
  SUBCASE("and refuses") {
    CHECK(m.answer(coap::kNotFound) ==
          R"(notify {"reqID":7,"msgType":"notify","seqNum":0,"restored":true,)"
          R"("data":{"reqPath":"/3/0/9","code":"4.04","codeMsg":"not_found"}})");
    CHECK(paths(*m.device).empty());
  }
  SUBCASE("and is silent: three times") {
    int asked = 1;
    for (int i = 0; i < 600; ++i) asked += m.after(1'000).find(kObserve) == 0;
    CHECK(asked == 15);  // five copies each
    CHECK(paths(*m.device).empty());
  }
  SUBCASE("and a command comes first") {
    m.read(9, "/3/0/13");
    CHECK(m.answer(coap::kContent, Machine::text("3", 1)).ends_with("GET 3/0/13 accept 11542"));
  }
  SUBCASE("and a command for the same path waits its turn") {
    CHECK(m.observe(9) == "");
    CHECK(m.answer(coap::kContent, Machine::text("3", 1)).ends_with(kObserve));
    m.answer(coap::kContent, Machine::text("3", 1));
    CHECK(m.say(coap::kContent, m.token(), Machine::text("4", 2)) == "ACK\n" + notified(9, 2, "4"));
  }
}

TEST_CASE("what is observed without being asked for") {
  Machine m;
  m.settings->auto_observe = true;
  m.registration.objects = {"/0/0", "/1/0", "/2/0", "/3/0", "/4/0",    "/5/0",
                            "/6/0", "/7/0", "/9/0", "/15",  "/3303/0", "/3303/1"};
  SUBCASE("all but what is left out") {
    m.begin();
    CHECK(m.after(1'999) == "");
    CHECK(m.after(1) == "GET 3/0 observe 0 accept 11542");
    CHECK(m.after(50) == "");
    CHECK(m.answer(coap::kContent, {1, kTlv, octets("C10964")}) ==
          R"(notify {"msgType":"notify","seqNum":1,"data":{"reqPath":"/3/0","code":"2.05",)"
          R"("codeMsg":"content","content":[{"path":"/3/0/9","value":100}]}})");
    CHECK(m.after(49) == "");  // 100 ms apart
    CHECK(m.after(1) == "GET 3303/0 observe 0 accept 11542");
    CHECK(m.after(500) == "");  // one at a time
    CHECK(m.answer(coap::kNotFound) == "GET 3303/1 observe 0 accept 11542");
    CHECK(m.answer(coap::kContent, Machine::text("1")) == "");
    CHECK(m.after(100'000) == "");
    CHECK(paths(*m.device) == Paths{"/3/0 automatic"});
  }
  SUBCASE("what is listed") {
    m.settings->auto_observe_paths = {"/3/0/1", "/5/0", "/4711", "/0/0"};
    m.begin();
    CHECK(paths(*m.device) == Paths{"/3/0/1 wanted automatic", "/5/0 wanted automatic"});
  }
  SUBCASE("and what an Update adds") {
    m.settings->auto_observe_paths = {"/3/0/1", "/4711"};
    m.begin();
    m.after(2'000);
    m.answer(coap::kContent, {1, kTlv, octets("C10101")});
    m.after(200);
    m.ask(coap::kPost, {"rd", "loc1"}, {}, {{}, 40, "</3/0>,</4711/0>"});
    CHECK(m.after(1'999) == "");
    CHECK(m.after(1) == "GET 4711 observe 0 accept 11542");
  }
  SUBCASE("a command makes it somebody's") {
    m.settings->auto_observe_paths = {"/3/0/9"};
    m.begin();
    m.observed(7);
    CHECK(paths(*m.device) == Paths{"/3/0/9"});
    CHECK(m.after(100'000) == "");
  }
  SUBCASE("anew after it has registered again") {
    m.settings->auto_observe_paths = {"/3/0/9"};
    m.begin();
    m.after(2'000);
    m.answer(coap::kContent, Machine::text("1", 1));
    m.device->registered_again(m.registration, "loc2", nullptr);
    m.out.take();
    CHECK(m.after(2'000) == kObserve);
    CHECK(m.answer(coap::kContent, Machine::text("1", 1)).find("restored") == std::string::npos);
  }
  SUBCASE("not while the device sleeps") {
    m.settings->auto_observe_paths = {"/3/0/9"};
    m.settings->queue_window_ms = 1'000;
    m.registration.queue_flag = true;
    m.begin();
    CHECK(m.after(60'000) == "");
    CHECK(m.update().ends_with(kObserve));
  }
  SUBCASE("no more than are allowed") {
    m.settings->max_observations = 1;
    m.begin();
    CHECK(paths(*m.device).size() == 1);
  }
}

TEST_CASE("a notification in blocks") {
  Machine m;
  m.begin();
  const std::string token = m.observed(7);
  std::string first;
  coap::Writer to(first, coap::Type::con, coap::kContent, 4'711, token);
  to.number(coap::option::kObserve, 2).number(coap::option::kContentFormat, 0);
  to.number(coap::option::kBlock2, 0 << 4 | 8 | 0);
  to.payload("1234567890123456");
  CHECK(m.in(first) == "ACK\nGET 3/0/9 accept 11542 block2 16");
  const coap::Message asked = m.asked();
  CHECK(asked.token != token);
  CHECK(m.observe(8, "/3/0/13") == "");  // one thing at a time
  std::string second;
  coap::Writer rest(second, coap::Type::ack, coap::kContent, asked.id, asked.token);
  rest.number(coap::option::kContentFormat, 0).number(coap::option::kBlock2, 1 << 4);
  rest.payload("78");
  CHECK(m.in(second) ==
        notified(7, 2, "123456789012345678") + "\nGET 3/0/13 observe 0 accept 11542");
}
