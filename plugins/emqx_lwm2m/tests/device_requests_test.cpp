// What a registered device asks of us, and what it is told.
#include "emqx_lwm2m/tests/device_fixture.hpp"

using namespace lwm2m;
using namespace lwm2m_test;

TEST_CASE("a device that has registered") {
  Machine m;
  CHECK(m.begin() ==
        R"(registered {"msgType":"register","data":{"ep":"ep1","lt":300,"lwm2m":"1.0",)"
        R"("alternatePath":"/","objectList":["/1/0","/3/0","/5/0","/3303/0"]}})");
  CHECK(m.counters.registers == 1);
  CHECK(m.out.changes != 0);
  CHECK(m.device->endpoint() == "ep1");
  CHECK(m.device->location() == "loc1");
  CHECK(m.device->lifetime_s() == 300);
  CHECK(m.device->expires_ms() == m.out.now + 300'000);
  CHECK(m.device->reachable());
  CHECK(m.device->waiting() == 0);
  CHECK(m.out.timer == m.out.now + 393'000);
}

TEST_CASE("an Update") {
  Machine m;
  m.begin();
  m.after(100'000);
  SUBCASE("of nothing but its lifetime") {
    CHECK(m.update() ==
          R"(2.04
updated {"msgType":"update","data":{"ep":"ep1","lt":300,"lwm2m":"1.0",)"
          R"("alternatePath":"/","objectList":["/1/0","/3/0","/5/0","/3303/0"]}})");
    CHECK(m.device->expires_ms() == m.out.now + 300'000);
    CHECK(m.counters.updates == 1);
    // It lives on beyond what was ordered first.
    CHECK(m.after(392'000) == "");
    CHECK(m.after(1'000).find("over") != std::string::npos);
  }
  SUBCASE("of its parameters") {
    const std::string told = m.update({"lt=60", "b=UQ", "sms=123"});
    CHECK(told ==
          R"(2.04
updated {"msgType":"update","data":{"ep":"ep1","lt":60,"lwm2m":"1.0","b":"UQ","sms":"123",)"
          R"("alternatePath":"/","objectList":["/1/0","/3/0","/5/0","/3303/0"]}})");
    CHECK(m.device->registration().queue_mode());
    CHECK(m.device->lifetime_s() == 60);
    CHECK(m.device->expires_ms() == m.out.now + 60'000);
  }
  SUBCASE("of its objects") {
    const std::string told = m.ask(coap::kPost, {"rd", "loc1"}, {}, {{}, 40, "</3/0>,</4/0>"});
    CHECK(told.find(R"("objectList":["/3/0","/4/0"])") != std::string::npos);
    CHECK(m.device->registration().objects == std::vector<std::string>{"/3/0", "/4/0"});
  }
  SUBCASE("that is wrong changes nothing") {
    CHECK(m.update({"lt=x"}) == "4.00");
    CHECK(m.ask(coap::kPost, {"rd", "loc1"}, {}, {{}, 40, "<<"}) == "4.00");
    CHECK(m.device->expires_ms() == m.out.now + 200'000);
    CHECK(m.counters.updates == 0);
  }
  SUBCASE("with a lifetime out of bounds") { CHECK(m.update({"lt=86401"}) == "4.00"); }
}

TEST_CASE("Updates without objects are not told where only those with are") {
  Machine m;
  m.settings->update_reports = UpdateReports::contains_object_list;
  m.begin();
  CHECK(m.update({"lt=60"}) == "2.04");
  CHECK(m.ask(coap::kPost, {"rd", "loc1"}, {}, {{}, 40, "</3/0>"}).starts_with("2.04\nupdated"));
}

TEST_CASE("an Update that is heard twice is one") {
  Machine m;
  m.begin();
  std::string datagram;
  coap::Writer to(datagram, coap::Type::con, coap::kPost, 77, "t");
  to.option(coap::option::kUriPath, "rd").option(coap::option::kUriPath, "loc1");
  CHECK(m.in(datagram).starts_with("2.04\nupdated"));
  CHECK(m.in(datagram) == "2.04");
  CHECK(m.counters.updates == 1);
}

TEST_CASE("what survives a restart is not written for each Update") {
  Machine m;
  m.begin();
  m.saved();
  const unsigned before = m.out.changes;
  m.after(75'000);
  m.update();
  CHECK(m.out.changes == before);  // off by no more than a quarter of the lifetime
  m.after(1);
  m.update();
  CHECK(m.out.changes == before + 1);
  m.saved();
  m.update();
  CHECK(m.out.changes == before + 1);
  m.update({"b=UQ"});
  CHECK(m.out.changes == before + 2);
}

TEST_CASE("paths and methods that are none") {
  Machine m;
  m.begin();
  struct Case {
    coap::Code method;
    std::vector<std::string> path;
    std::string_view answer;
  };
  const Case cases[] = {
      {coap::kPost, {"rd", "other"}, "4.04"},
      {coap::kDelete, {"rd", "other"}, "4.04"},
      {coap::kPost, {"rd", "loc1", "x"}, "4.04"},
      {coap::kPut, {"rd", "loc1"}, "4.05"},
      {coap::kGet, {"rd", "loc1"}, "4.05"},
      {coap::kGet, {"rd"}, "4.05"},
      {coap::kPut, {"rd"}, "4.05"},
      {coap::kDelete, {"rd"}, "4.05"},
      {coap::kGet, {"dp"}, "4.05"},
      {coap::kPost, {"dp", "x"}, "4.04"},
      {coap::kPost, {"bs"}, "4.04"},
      {coap::kGet, {}, "4.04"},
      {coap::kGet, {"x"}, "4.04"},
      {coap::kPost, {".well-known", "core"}, "4.05"},
      {coap::kGet, {".well-known"}, "4.04"},
      {coap::kGet,
       {".well-known", "core"},
       "2.05 format 40 3C2F72643E3B72743D22636F72652E7264222C3C2F64703E"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.method);
    CAPTURE(c.path.size());
    CHECK(m.ask(c.method, c.path) == c.answer);
  }
  CHECK(m.device->waiting() == 0);
}

TEST_CASE("a Register of a device's own peer goes to the gateway") {
  Machine m;
  m.begin();
  CHECK(m.ask(coap::kPost, {"rd"}, {"ep=ep1"}) == "5.03");  // nobody there
  struct Seen {
    std::string endpoint;
    std::uint32_t ticket = 0;
  } seen;
  m.device->on_register_context = &seen;
  m.device->on_register = [](void* context, Device&, const coap::Incoming& request) {
    auto& to = *static_cast<Seen*>(context);
    to.endpoint = endpoint_of(request.queries);
    to.ticket = request.ticket;
  };
  CHECK(m.ask(coap::kPost, {"rd"}, {"ep=ep1"}) == "");
  CHECK(seen.endpoint == "ep1");
  coap::Reply reply;
  reply.code = coap::kCreated;
  CHECK(m.device->peer().reply(seen.ticket, reply));
  CHECK(m.out.take() == "2.01");
}

TEST_CASE("a device that leaves") {
  Machine m;
  m.begin();
  CHECK(m.ask(coap::kDelete, {"rd", "loc1"}) ==
        "2.02\nderegistered {\"msgType\":\"deregister\",\"data\":{\"ep\":\"ep1\"}}\nover");
  CHECK(m.counters.deregisters == 1);
  CHECK(m.out.timer == 0);
  // Until the gateway has forgotten it.
  CHECK(m.ask(coap::kDelete, {"rd", "loc1"}) == "4.04");
  CHECK(m.ask(coap::kPost, {"rd", "loc1"}) == "4.04");
  CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, 110, "[]"}) == "4.04");
  CHECK(m.read(1).find("not_registered") != std::string::npos);
}

TEST_CASE("a device that is not heard of any more") {
  Machine m;
  m.begin();
  CHECK(m.after(392'999) == "");
  CHECK(m.after(1) == "deregistered {\"msgType\":\"expired\",\"data\":{\"ep\":\"ep1\"}}\nover");
  CHECK(m.counters.expired == 1);
  CHECK(m.out.timer == 0);
}

TEST_CASE("what restarts the lifetime") {
  Machine m;
  SUBCASE("Updates alone") {
    m.begin();
    m.after(1'000);
    m.ask(coap::kPost, {"dp"}, {}, {{}, 110, "[]"});
    CHECK(m.device->expires_ms() == m.out.now + 299'000);
  }
  SUBCASE("or any message") {
    m.settings->refresh_on_any = true;
    m.begin();
    m.after(1'000);
    m.ask(coap::kPost, {"dp"}, {}, {{}, 110, "[]"});
    CHECK(m.device->expires_ms() == m.out.now + 300'000);
    m.after(1'000);
    m.in("\x01");  // no message at all
    CHECK(m.device->expires_ms() == m.out.now + 299'000);
    m.saved();
    const unsigned before = m.out.changes;
    m.after(80'000);
    m.ask(coap::kPost, {"dp"}, {}, {{}, 110, "[]"});
    CHECK(m.out.changes == before + 1);
  }
}

TEST_CASE("a Send") {
  Machine m;
  m.begin();
  CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, 110, R"([{"n":"/3/0/9","v":95}])"}) ==
        "2.04\nnotify {\"msgType\":\"send\",\"data\":{\"content\":[{\"path\":\"/3/0/9\","
        "\"value\":95}]}}");
  CHECK(
      m.ask(coap::kPost, {"dp"}, {}, {{}, 112, octets("81 A2 00 66 2F 33 2F 30 2F 39 02 18 5F")}) ==
      "2.04\nnotify {\"msgType\":\"send\",\"data\":{\"content\":[{\"path\":\"/3/0/9\","
      "\"value\":95}]}}");
  CHECK(m.counters.sends == 2);
  CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, 110, "["}) == "4.00");
  CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, 112, "\xff"}) == "4.00");
  CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, 11542, octets("C10964")}) == "4.15");
  CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, {}, "[]"}) == "4.15");
  CHECK(m.counters.sends == 2);
}

TEST_CASE("the gateway ends it") {
  Machine m;
  m.begin();
  SUBCASE("without a word") {
    m.device->end(Refusal::shutdown, std::nullopt);
    CHECK(m.out.take() == "");
  }
  SUBCASE("as if it had expired") {
    m.device->end(Refusal::not_registered, Event::expired);
    CHECK(m.out.take() == "deregistered {\"msgType\":\"expired\",\"data\":{\"ep\":\"ep1\"}}");
  }
  CHECK(m.out.timer == 0);
  m.device->end(Refusal::shutdown, Event::deregistered);  // again
  m.device->registered_again(m.registration, "loc2", nullptr);
  m.device->on_time();
  CHECK(m.out.take() == "");
}

TEST_CASE("a device that has moved goes on") {
  Machine m;
  m.begin();
  m.read(1);
  m.device->moved();
  CHECK(m.out.take() == "");
  CHECK(m.answer(coap::kNotFound).starts_with(R"(response {"reqID":1)"));
}

TEST_CASE("other settings come into force") {
  Machine m;
  m.registration.queue_flag = true;
  m.begin();
  m.after(10'000);
  auto now = std::make_shared<DeviceSettings>(*m.settings);
  now->queue_window_ms = 5'000;
  now->lifetime_grace_s = 0;
  now->auto_observe = true;
  now->auto_observe_paths = {"/3/0/9"};
  auto coap = std::make_shared<coap::PeerSettings>();
  coap->ack_timeout_ms = 100;
  coap->max_retransmit = 0;
  now->coap = coap;
  m.device->use(now);
  CHECK(m.out.take() == "");
  CHECK(!m.device->reachable());
  CHECK(m.out.timer == m.device->expires_ms());
  m.update();
  CHECK(m.after(2'000) == "GET 3/0/9 observe 0 accept 11542");
  CHECK(m.after(1'000) == "");  // one copy, and it sleeps
  CHECK(!m.device->reachable());
}
