// A device goes through octets and comes out the same, at every point of what it does; and octets
// that no device wrote are refused.
#include <cstring>
#include <random>

#include "emqx_lwm2m/device/packed_registration.hpp"
#include "emqx_lwm2m/tests/device_fixture.hpp"

using namespace lwm2m;
using namespace lwm2m_test;

namespace {

Registration full_registration() {
  Registration out;
  out.endpoint = "ep \xc3\xa9/1";
  out.lifetime_s = 0xffffffff;
  out.version = "1.1";
  out.binding = "UQ";
  out.sms = "";
  out.queue_flag = true;
  out.others = {{"apn", "x"}, {"bare", ""}};
  out.alternate_path = "/lwm2m";
  out.formats = {112, 11542};
  out.objects = {"/1/0", "/3", "/33000/65534"};
  out.versions = {{3, "1.1"}, {33000, "2.0"}};
  return out;
}

bool same(const Registration& a, const Registration& b) {
  return a.endpoint == b.endpoint && a.lifetime_s == b.lifetime_s && a.version == b.version &&
         a.binding == b.binding && a.sms == b.sms && a.queue_flag == b.queue_flag &&
         a.others == b.others && a.alternate_path == b.alternate_path && a.formats == b.formats &&
         a.objects == b.objects && a.versions == b.versions;
}

constexpr std::string_view kGet = "GET 3/0/9 accept 11542";

// One with everything a device can have.
void make_busy(Machine& m) {
  m.registration.lifetime_s = 1'000;
  m.registration.versions = {{3, "1.0"}};
  m.begin();
  m.observed(1, "/3/0/9");
  m.observed(2, "/3303/0");
  m.read(3);
  m.read(4, "/3/0/13");
  m.command(R"({"CmdID":5,"Command":"Read","BaseName":"/3/0/14"})", 60, Channel::v3);
}

}  // namespace

TEST_CASE("a packed registration") {
  for (const Registration& r : {Registration{}, full_registration()}) {
    const PackedRegistration packed(r);
    CHECK(packed.endpoint() == r.endpoint);
    CHECK(packed.versions() == r.versions);
    CHECK(same(packed.unpack(), r));
    const std::string text(packed.text());
    REQUIRE(PackedRegistration::from(text));
    CHECK(*PackedRegistration::from(text) == packed);
    for (std::size_t size = 0; size < text.size(); ++size) {
      CAPTURE(size);
      CHECK(!PackedRegistration::from(text.substr(0, size)));
    }
    CHECK(!PackedRegistration::from(text + "x"));
    CHECK(!PackedRegistration::from("\x02" + text.substr(1)));
  }
  CHECK(PackedRegistration(Machine().registration).text().size() < 50);
}

TEST_CASE("a device in the middle of everything") {
  Machine m;
  make_busy(m);
  const std::int64_t left = m.device->expires_ms() - m.out.now;
  std::vector<std::string> tokens;
  m.device->each_observation(
      [&](const Device::ObservationView& view) { tokens.emplace_back(view.token); });
  m.after(1'000);
  Device::Saved before, after;
  m.device->save(before);
  CHECK(m.restart() == kGet);  // what was under way is asked anew
  m.device->save(after);
  CHECK(same(before.registration, after.registration));
  CHECK(after.location == "loc1");
  CHECK(after.expires == doctest::Approx(before.expires));
  CHECK(after.heard == doctest::Approx(before.heard));
  CHECK(after.waiting.size() == 3);
  CHECK(after.observations.size() == 2);
  CHECK(m.device->expires_ms() - m.out.now == left - 1'000);
  CHECK(m.out.changes > 0);
  // Everything goes on.
  CHECK(m.say(coap::kContent, tokens[0], Machine::text("2", 2)) ==
        "ACK\n"
        R"(notify {"reqID":1,"msgType":"notify","seqNum":2,"data":{"reqPath":"/3/0/9",)"
        R"("code":"2.05","codeMsg":"content","content":[{"path":"/3/0/9","value":2}]}})");
  CHECK(m.say(coap::kContent, tokens[1], {0, kTlv, ""}) == "ACK");  // older than the last
  CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with(R"(response {"reqID":3)"));
  CHECK(m.answer(coap::kContent, Machine::text("1")).starts_with(R"(response {"reqID":4)"));
  CHECK(m.answer(coap::kNotFound).starts_with(R"(v3 {"CmdID":5)"));
  CHECK(m.device->waiting() == 0);
  CHECK(m.update().starts_with("2.04\n"));
}

TEST_CASE("what was under way and must not be done twice") {
  Machine m;
  m.begin();
  m.command(R"({"reqID":1,"msgType":"execute","data":{"path":"/3/0/4"}})");
  m.command(R"({"reqID":2,"msgType":"execute","data":{"path":"/3/0/4"}})");
  const std::string told = m.restart();
  CHECK(told.starts_with(R"(response {"reqID":1,"msgType":"coap_timeout")"));
  CHECK(told.ends_with("\nPOST 3/0/4"));
  CHECK(m.answer(coap::kChanged).starts_with(R"(response {"reqID":2)"));
}

TEST_CASE("operators' commands are not kept") {
  Machine m;
  m.begin();
  m.command(R"({"msgType":"read","data":{"path":"/3/0/9"}})", {}, Channel::operation, 1);
  m.command(R"({"msgType":"read","data":{"path":"/3/0/9"}})", {}, Channel::operation, 2);
  CHECK(m.restart() == "");
  CHECK(m.device->waiting() == 0);
}

TEST_CASE("time that passes while the broker is away") {
  Machine m;
  SUBCASE("counts") {
    m.begin();  // 300 s
    m.restart(100);
    // An Update of the time from the saving to the end is not known: at most a quarter.
    CHECK(m.device->expires_ms() - m.out.now == 275'000);
  }
  SUBCASE("and may be too long") {
    m.begin();
    CHECK(m.restart(100'000).find(R"("msgType":"expired")") != std::string::npos);
    CHECK(m.out.gone);
  }
  SUBCASE("or backwards") {
    m.begin();
    m.restart(-1'000);
    CHECK(m.device->expires_ms() - m.out.now == 300'000);
  }
  SUBCASE("for what waits, too") {
    m.registration.queue_flag = true;
    m.registration.lifetime_s = 80'000;
    m.begin();
    m.after(30'000);
    m.read(1);
    CHECK(m.restart(7'199) == "");
    CHECK(m.after(999) == "");
    CHECK(m.after(1).find(R"("reason":"expired")") != std::string::npos);
  }
  SUBCASE("and a device that was awake sleeps") {
    m.registration.queue_flag = true;
    m.begin();
    CHECK(m.device->reachable());
    m.restart(21);
    CHECK(m.device->reachable());
    m.restart(1);
    CHECK(!m.device->reachable());
  }
}

TEST_CASE("formats and wishes stay") {
  Machine m;
  m.registration.version = "1.1";
  m.begin();
  m.observed(7);
  m.read(1);
  m.answer(coap::kNotAcceptable);
  m.answer(coap::kContent, {{}, kSenmlJson, "[]"});
  m.device->registered_again(m.registration, "loc2", nullptr);
  m.out.take();
  m.restart();
  CHECK(m.device->location() == "loc2");
  CHECK(m.asked().code == coap::kGet);  // the observation, made anew
  CHECK(describe(m.out.sent.back()) == "GET 3/0/9 observe 0 accept 110");
  CHECK(m.answer(coap::kContent, {1, kSenmlJson, R"([{"n":"/3/0/9","v":1}])"})
            .find(R"("restored":true)") != std::string::npos);
}

TEST_CASE("octets of a later version, which has appended to each part") {
  Machine m;
  make_busy(m);
  const std::string blob = m.saved();
  std::uint32_t size = 0;
  std::memcpy(&size, blob.data() + 1, sizeof size);
  REQUIRE(size == blob.size() - 5);
  size += 3;
  std::string later = blob + "new";
  std::memcpy(later.data() + 1, &size, sizeof size);
  Device::Saved read;
  CHECK(read_saved(later, read));
  CHECK(read.observations.size() == 2);
}

TEST_CASE("octets that no device wrote") {
  Machine m;
  make_busy(m);
  const std::string blob = m.saved();
  for (std::size_t size = 0; size < blob.size(); ++size) {
    CAPTURE(size);
    Device::Saved read;
    CHECK(!read_saved(std::string_view(blob).substr(0, size), read));
  }
  std::mt19937 engine(7);
  for (int i = 0; i < 3'000; ++i) {
    std::string damaged = blob;
    for (int n = 0; n < 3; ++n) damaged[engine() % damaged.size()] = static_cast<char>(engine());
    Device::Saved read;
    if (!read_saved(damaged, read)) continue;
    // What is accepted, a device can be made of.
    FakeOutside out;
    Device device(out, m.settings, m.counters, m.coap_counters, read);
    for (int n = 0; n < 5 && out.timer != 0; ++n) {
      out.now = std::max(out.now, out.timer);
      device.on_time();
    }
  }
}
