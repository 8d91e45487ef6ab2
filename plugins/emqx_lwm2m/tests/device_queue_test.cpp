// Devices that sleep: when they are asked, and what becomes of what waits for them.
#include "emqx_lwm2m/tests/device_fixture.hpp"

using namespace lwm2m;
using namespace lwm2m_test;

namespace {

constexpr std::string_view kGet = "GET 3/0/9 accept 11542";

class Sleeper : public Machine {
 public:
  Sleeper() {
    registration.binding = "UQ";
    registration.lifetime_s = 80'000;
  }
};

// What was told after the event of an Update.
std::string behind(const std::string& told) {
  const std::size_t at = told.find("\nupdated");
  const std::size_t end = at == told.npos ? at : told.find('\n', at + 1);
  return end == told.npos ? "" : told.substr(end + 1);
}

std::string expired(int id) {
  return R"(response {"reqID":)" + std::to_string(id) +
         R"(,"msgType":"read","data":{"reqPath":"/3/0/9","code":"5.04",)"
         R"("codeMsg":"gateway_timeout","reason":"expired"}})";
}

}  // namespace

TEST_CASE("a device in queue mode is asked while it is awake") {
  Sleeper m;
  SUBCASE("by its binding") {}
  SUBCASE("by the flag") {
    m.registration.binding.reset();
    m.registration.queue_flag = true;
  }
  m.begin();
  m.after(21'999);
  CHECK(m.read(1) == kGet);
  CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with("response {\"reqID\":1,"));
  // It counts from what was heard last.
  m.after(21'999);
  CHECK(m.device->reachable());
  m.after(1);
  CHECK(!m.device->reachable());
  CHECK(m.read(2) == "");
  CHECK(m.read(3) == "");
  CHECK(m.device->waiting() == 2);
  CHECK(m.after(1'000'000) == "");
  CHECK(behind(m.update()) == kGet);
  CHECK(m.answer(coap::kContent, Machine::text("2")).ends_with(kGet));
  CHECK(m.answer(coap::kContent, Machine::text("3")).starts_with("response {\"reqID\":3,"));
  CHECK(m.device->waiting() == 0);
}

TEST_CASE("whatever it says wakes a device") {
  Sleeper m;
  m.begin();
  const std::string token = m.observed(1);
  m.after(30'000);
  m.read(2);
  SUBCASE("a notification") {
    CHECK(m.say(coap::kContent, token, Machine::text("2", 2)).ends_with(kGet));
  }
  SUBCASE("a Send") { CHECK(m.ask(coap::kPost, {"dp"}, {}, {{}, 110, "[]"}).ends_with(kGet)); }
  SUBCASE("not what is no message") { CHECK(m.in("\x01\x02") == ""); }
}

TEST_CASE("a device that is asked and does not answer sleeps") {
  Sleeper m;
  m.begin();
  m.read(1);
  m.read(2);
  SUBCASE("what it was asked is asked again") {
    const std::string told = m.after(100'000);
    CHECK(told.find("response") == std::string::npos);
    CHECK(m.device->waiting() == 2);
    CHECK(!m.device->reachable());
    CHECK(behind(m.update()) == kGet);
    CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with("response {\"reqID\":1,"));
    CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with("response {\"reqID\":2,"));
  }
  SUBCASE("not if it shall not be") {
    m.settings->requeue_on_timeout = false;
    CHECK(m.after(100'000).find(R"("msgType":"coap_timeout")") != std::string::npos);
    CHECK(m.device->waiting() == 1);
  }
  SUBCASE("until it is too old") {
    m.after(7'199'999);
    const std::string told = m.after(1);
    CHECK(told == expired(1) + "\n" + expired(2));
    CHECK(m.counters.queue_expired == 2);
    CHECK(m.device->waiting() == 0);
  }
}

TEST_CASE("what the device has got is not done twice") {
  Sleeper m;
  m.begin();
  m.command(R"({"reqID":1,"msgType":"execute","data":{"path":"/3/0/4"}})");
  SUBCASE("if it says so") {
    m.empty(coap::Type::ack);
    CHECK(m.after(100'000).find("coap_timeout") != std::string::npos);
    CHECK(m.device->waiting() == 0);
  }
  SUBCASE("but if it says nothing") {
    CHECK(m.after(100'000).find("response") == std::string::npos);
    CHECK(behind(m.update()) == "POST 3/0/4");
  }
}

TEST_CASE("how long a command waits") {
  Sleeper m;
  m.settings->queue_ttl_s = 100;
  m.begin();
  m.after(30'000);
  const auto with_ttl = [&](int id, std::string_view ttl,
                            std::optional<std::uint32_t> expiry = {}) {
    return m.command(R"({"reqID":)" + std::to_string(id) + R"(,"msgType":"read","ttl":)" +
                         std::string(ttl) + R"(,"data":{"path":"/3/0/9"}})",
                     expiry);
  };
  const auto is_expired = [](const std::string& told, int id) {
    return told.starts_with(R"(response {"reqID":)" + std::to_string(id) + ",") &&
           told.find(R"("reason":"expired")") != std::string::npos &&
           told.find('\n') == std::string::npos;
  };
  SUBCASE("as set") {
    m.read(1);
    CHECK(m.after(99'999) == "");
    CHECK(m.after(1) == expired(1));
  }
  SUBCASE("as it says") {
    CHECK(with_ttl(1, "200") == "");
    m.read(2);
    CHECK(with_ttl(3, "5") == "");
    CHECK(is_expired(m.after(5'000), 3));
    CHECK(m.after(95'000) == expired(2));
    CHECK(is_expired(m.after(100'000), 1));
  }
  SUBCASE("as the message says") {
    m.command(R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/9"}})", 7);
    CHECK(m.after(6'999) == "");
    CHECK(m.after(1) == expired(1));
  }
  SUBCASE("the shorter of both") {
    with_ttl(1, "5", 9);
    with_ttl(2, "9", 5);
    CHECK(m.after(4'999) == "");
    const std::string told = m.after(1);
    CHECK(std::count(told.begin(), told.end(), '\n') == 1);
  }
  SUBCASE("not at all") {
    CHECK(is_expired(with_ttl(1, "0"), 1));
    m.update();
    CHECK(with_ttl(2, "0") == kGet);
    CHECK(with_ttl(3, "0") == "");  // behind another one, while the device is awake
    CHECK(m.after(21'999).find("response") == std::string::npos);
    CHECK(is_expired(m.after(1), 3));
  }
}

TEST_CASE("a device that does not sleep is asked whenever that is") {
  Machine m;
  m.settings->lifetime_grace_s = 10'000;
  m.begin();
  m.after(1'000'000);
  CHECK(m.device->reachable());
  CHECK(m.command(R"({"reqID":1,"msgType":"read","ttl":0,"data":{"path":"/3/0/9"}})") == kGet);
  CHECK(m.command(R"({"reqID":2,"msgType":"read","ttl":0,"data":{"path":"/3/0/9"}})") == "");
  // The second gets its turn after the first has failed.
  const std::string told = m.after(1'000'000);
  CHECK(told.find(R"({"reqID":1,"ttl":0,"msgType":"coap_timeout")") != std::string::npos);
  CHECK(told.find(R"({"reqID":2,"ttl":0,"msgType":"coap_timeout")") != std::string::npos);
}

TEST_CASE("commands stay when it registers again") {
  Sleeper m;
  m.begin();
  m.after(30'000);
  m.read(1);
  m.read(2);
  SUBCASE("from where it was") { m.device->registered_again(m.registration, "loc2", nullptr); }
  SUBCASE("from elsewhere") {
    m.device->registered_again(m.registration, "loc2", m.another_peer());
  }
  CHECK(m.out.take().ends_with(kGet));
  CHECK(m.device->location() == "loc2");
  CHECK(m.counters.registers == 2);
  CHECK(m.answer(coap::kContent, Machine::text("1")).ends_with(kGet));
  CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with("response {\"reqID\":2,"));
  CHECK(m.update() == "4.04");
}

TEST_CASE("what is under way when it registers again") {
  Machine m;
  m.begin();
  SUBCASE("is asked again") {
    m.read(1);
    m.read(2);
    m.device->registered_again(m.registration, "loc2", m.another_peer());
    CHECK(m.out.take().ends_with(kGet));
    CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with("response {\"reqID\":1,"));
  }
  SUBCASE("but not what may have restarted it") {
    m.command(R"({"reqID":1,"msgType":"execute","data":{"path":"/3/0/4"}})");
    m.device->registered_again(m.registration, "loc2", nullptr);
    const std::string told = m.out.take();
    CHECK(told.find(R"({"reqID":1,"msgType":"coap_timeout")") != std::string::npos);
    CHECK(told.find("POST") == std::string::npos);
    CHECK(m.after(200'000) == "");
  }
}

TEST_CASE("an Update may end queue mode") {
  Sleeper m;
  m.begin();
  m.after(30'000);
  m.read(1);
  CHECK(behind(m.update({"b=U"})) == kGet);
  m.answer(coap::kContent, Machine::text("1"));
  m.after(30'000);
  CHECK(m.read(2) == kGet);
}
