// In which formats a device is spoken to, and what it is asked when it does not like one.
#include "emqx_lwm2m/tests/device_fixture.hpp"

using namespace lwm2m;
using namespace lwm2m_test;

namespace {

// The formats that are tried, when the device refuses all of them.
std::string tried(Machine& m, std::string_view json, coap::Code refusal) {
  std::string out;
  std::string told = m.command(json);
  for (int i = 0; i < 20 && told.find("response") == std::string::npos; ++i) {
    coap::OptionReader options(m.asked().options);
    for (coap::Option option; options.next(option);)
      if (option.number == coap::option::kAccept || option.number == coap::option::kContentFormat)
        out += (out.empty() ? "" : " ") + number(option.value);
    told = m.answer(refusal);
  }
  CHECK(std::count(told.begin(), told.end(), '\n') == 0);
  return out;
}

constexpr std::string_view kRead = R"({"msgType":"read","data":{"path":"/3/0/9"}})";
constexpr std::string_view kWrite = R"({"msgType":"write","data":{"path":"/3/0/14","value":"x"}})";
constexpr std::string_view kBatch =
    R"({"msgType":"write","data":{"basePath":"/3/0","content":[{"path":"14","value":"x"},)"
    R"({"path":"13","value":1}]}})";
constexpr std::string_view kFirmware =
    R"({"msgType":"write","data":{"path":"/5/0/0","value":"AQI="}})";
constexpr std::string_view kComposite = R"({"msgType":"read-composite","data":{"paths":["/3"]}})";

}  // namespace

TEST_CASE("formats are tried one after the other") {
  Machine m;
  struct Case {
    std::string_view version;
    std::vector<std::uint16_t> formats;
    std::string_view read, write, batch, firmware, composite;
  };
  const Case cases[] = {
      {"1.0",
       {},
       "11542 11543",
       "11542 11543 0",
       "11542 11543",
       "42 11542 11543 0",
       "110 110 112 112"},
      {"1.1",
       {},
       "11542 110 112",
       "11542 110 112 0",
       "11542 110 112",
       "42 11542 110 112 0",
       "110 110 112 112"},
      {"1.2",
       {},
       "11542 110 112",
       "11542 110 112 0",
       "11542 110 112",
       "42 11542 110 112 0",
       "110 110 112 112"},
      {"1.1", {110}, "110", "110 11542 0", "110 11542", "42 110 11542 0", "110 110 112 112"},
      {"1.1",
       {112, 11542},
       "112 11542",
       "112 11542 0",
       "112 11542",
       "42 112 11542 0",
       "112 112 110 110"},
      {"1.0",
       {1543},
       "11543",
       "11543 11542 0",
       "11543 11542",
       "42 11543 11542 0",
       "110 110 112 112"},
      {"1.1",
       {11544},
       "11542 110 112",
       "11542 110 112 0",
       "11542 110 112",
       "42 11542 110 112 0",
       "110 110 112 112"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.version);
    CAPTURE(c.read);
    m.registration.version = c.version;
    m.registration.formats = c.formats;
    m.begin();
    CHECK(tried(m, kRead, coap::kNotAcceptable) == c.read);
    CHECK(tried(m, kWrite, coap::kUnsupportedFormat) == c.write);
    CHECK(tried(m, kBatch, coap::kUnsupportedFormat) == c.batch);
    CHECK(tried(m, kFirmware, coap::kUnsupportedFormat) == c.firmware);
    CHECK(tried(m, kComposite, coap::kNotAcceptable) == c.composite);
    CHECK(m.counters.errors == 5);
    m.counters = {};
  }
}

TEST_CASE("other errors are answers") {
  Machine m;
  m.registration.version = "1.1";
  m.begin();
  CHECK(tried(m, kRead, coap::kUnsupportedFormat) == "11542");
  CHECK(tried(m, kWrite, coap::kNotAcceptable) == "11542");
  CHECK(tried(m, kRead, coap::kBadRequest) == "11542");
}

TEST_CASE("the format that was taken is remembered") {
  Machine m;
  m.registration.version = "1.1";
  m.begin();
  SUBCASE("for reading") {
    CHECK(m.command(kRead) == "GET 3/0/9 accept 11542");
    CHECK(m.answer(coap::kNotAcceptable) == "GET 3/0/9 accept 110");
    CHECK(m.answer(coap::kNotAcceptable) == "GET 3/0/9 accept 112");
    CHECK(
        m.answer(coap::kContent, {{}, kSenmlCbor, octets("81 A2 00 66 2F 33 2F 30 2F 39 02 18 5F")})
            .find(R"("value":95)") != std::string::npos);
    CHECK(m.command(kRead) == "GET 3/0/9 accept 112");
    CHECK(m.answer(coap::kNotAcceptable) == "GET 3/0/9 accept 11542");
    m.answer(coap::kContent, Machine::text("1"));
    CHECK(m.command(kRead) == "GET 3/0/9 accept 11542");
    m.answer(coap::kContent, Machine::text("1"));
    // What reads well, writes well.
    CHECK(m.command(kWrite).starts_with("PUT 3/0/14 format 11542"));
  }
  SUBCASE("for writing") {
    m.command(kWrite);
    CHECK(m.answer(coap::kUnsupportedFormat).starts_with("PUT 3/0/14 format 110 "));
    CHECK(m.answer(coap::kUnsupportedFormat).starts_with("PUT 3/0/14 format 112 "));
    CHECK(m.answer(coap::kUnsupportedFormat) == "PUT 3/0/14 format 0 78");
    CHECK(m.answer(coap::kChanged).find("2.04") != std::string::npos);
    CHECK(m.command(kWrite) == "PUT 3/0/14 format 0 78");
    m.answer(coap::kChanged);
    CHECK(m.command(kBatch).starts_with("POST 3/0 format 11542 "));  // more than text can say
    m.answer(coap::kChanged);
    CHECK(m.command(kRead) == "GET 3/0/9 accept 11542");
  }
  SUBCASE("but not that of firmware") {
    CHECK(m.command(kFirmware) == "PUT 5/0/0 format 42 0102");
    m.answer(coap::kChanged);
    CHECK(m.command(kWrite).starts_with("PUT 3/0/14 format 11542"));
  }
}

TEST_CASE("an answer in another format than asked for is read nevertheless") {
  Machine m;
  m.begin();
  struct Case {
    std::optional<std::uint32_t> format;
    std::string payload;
  };
  const Case cases[] = {
      {std::nullopt, "95"},
      {0, "95"},
      {1541, "95"},
      {kTlv, octets("C1095F")},
      {1542, octets("C1095F")},
      {kLwm2mJson, R"({"bn":"/3/0/9","e":[{"v":95}]})"},
      {1543, R"({"bn":"/3/0/9","e":[{"v":95}]})"},
      {kSenmlJson, R"([{"n":"/3/0/9","v":95}])"},
      {kSenmlCbor, octets("81 A2 00 66 2F 33 2F 30 2F 39 02 18 5F")},
  };
  for (const Case& c : cases) {
    CAPTURE(c.format.value_or(0));
    m.command(kRead);
    CHECK(m.answer(coap::kContent, {{}, c.format, c.payload})
              .find(R"("content":[{"path":"/3/0/9","value":95}])") != std::string::npos);
  }
}

TEST_CASE("an observation is asked for in the device's format, too") {
  Machine m;
  m.registration.version = "1.1";
  m.begin();
  CHECK(m.observe(1) == "GET 3/0/9 observe 0 accept 11542");
  CHECK(m.answer(coap::kNotAcceptable) == "GET 3/0/9 observe 0 accept 110");
  const std::string token = m.token();
  m.answer(coap::kContent, {1, kSenmlJson, R"([{"n":"/3/0/9","v":95}])"});
  CHECK(m.say(coap::kContent, token, {2, kSenmlJson, R"([{"n":"/3/0/9","v":96}])"})
            .find(R"("value":96)") != std::string::npos);
}

TEST_CASE("the version of an object decides its types") {
  Machine m;
  auto defined = definitions();
  ObjectDefinition newer;
  newer.id = 3;
  newer.version = "1.1";
  ResourceDefinition resource;
  resource.id = 9;
  resource.type = DataType::string;
  newer.resources = {resource};
  defined->add(newer);
  m.settings->definitions = defined;
  SUBCASE("the highest, if it says none") {
    m.begin();
    m.command(kRead);
    CHECK(m.answer(coap::kContent, Machine::text("95")).find(R"("value":"95")") !=
          std::string::npos);
  }
  SUBCASE("else its own") {
    m.registration.versions = {{3, "1.0"}};
    m.begin();
    m.command(kRead);
    CHECK(m.answer(coap::kContent, Machine::text("95")).find(R"("value":95)") != std::string::npos);
  }
}

TEST_CASE("what no format can say") {
  Machine m;
  m.begin();
  // A batch below another object does not get that far; a composite of nothing neither.
  CHECK(m.command(R"({"msgType":"write-composite","data":{"content":[]}})").find("4.00") !=
        std::string::npos);
  CHECK(m.device->waiting() == 0);
}
