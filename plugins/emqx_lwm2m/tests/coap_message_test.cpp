// Reading and writing CoAP messages: tables of octets and what is made of them.
#include "emqx_lwm2m/coap/message.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/tests/coap_text.hpp"

namespace {

using namespace coap_test;
using coap::Message, coap::Parsed, coap::Type;

Parsed parse(std::string_view datagram) {
  Message message;
  return coap::parse(datagram, message);
}

struct Case {
  const char *octets, *text;
};

TEST_CASE("messages, read and written again octet for octet") {
  const std::vector<Case> cases{
      {"42 02 7D 34 A1 B2 B2 72 64 11 28 39 6C 77 6D 32 6D 3D 31 2E 30 06 65 70 3D 65 70 31"
       "05 6C 74 3D 36 30 03 62 3D 55 FF 3C 2F 31 2F 30 3E 2C 3C 2F 33 2F 30 3E",
       "CON POST #32052 xa1b2 /rd ct=40 ?lwm2m=1.0 ?ep=ep1 ?lt=60 ?b=U '</1/0>,</3/0>"},
      {"62 41 7D 34 A1 B2 82 72 64 04 35 61 33 66", "ACK 2.01 #32052 xa1b2 loc=rd loc=5a3f"},
      {"44 01 00 01 01 02 03 04 B1 33 01 30 62 2D 16", "CON GET #1 x01020304 /3 /0 accept=11542"},
      {"44 01 00 02 01 02 03 05 60 51 33 01 30 01 39", "CON GET #2 x01020305 obs=0 /3 /0 /9"},
      {"44 01 00 03 01 02 03 05 61 01 51 33 01 30 01 39", "CON GET #3 x01020305 obs=1 /3 /0 /9"},
      {"44 45 11 11 01 02 03 05 61 07 60 FF 39 38", "CON 2.05 #4369 x01020305 obs=7 ct=0 '98"},
      {"41 02 00 05 0B B1 33 01 30 01 34", "CON POST #5 x0b /3 /0 /4"},
      {"40 00 12 34", "CON 0.00 #4660"},
      {"70 00 12 34", "RST 0.00 #4660"},
      {"60 00 FF FF", "ACK 0.00 #65535"},
      {"50 45 00 00", "NON 2.05 #0"},
      {"48 01 00 01 00 01 02 03 04 05 06 07", "CON GET #1 x0001020304050607"},
      {"40 03 00 01 D1 0E 3E", "CON PUT #1 b1=3+/1024"},
      {"40 03 00 01 D2 0E 01 06", "CON PUT #1 b1=16/1024"},
      {"40 03 00 01 D0 0E", "CON PUT #1 b1=0/16"},
      {"40 05 00 01", "CON FETCH #1"},
      {"40 1F 00 01", "CON 0.31 #1"},
      // Deltas and lengths around where another octet is needed.
      {"40 01 00 01 C1 61", "CON GET #1 ct=97"},
      {"40 01 00 01 D1 00 61", "CON GET #1 o13=a"},
      {"40 01 00 01 D1 FF 61", "CON GET #1 o268=a"},
      {"40 01 00 01 E1 00 00 61", "CON GET #1 o269=a"},
      {"40 01 00 01 E1 FE F2 61", "CON GET #1 o65535=a"},
      {"40 01 00 01 BC 61 61 61 61 61 61 61 61 61 61 61 61", "CON GET #1 /aaaaaaaaaaaa"},
      {"40 01 00 01 BD 00 61 61 61 61 61 61 61 61 61 61 61 61 61", "CON GET #1 /aaaaaaaaaaaaa"},
  };
  for (const Case& each : cases) {
    CAPTURE(std::string(each.text));
    Tokens tokens(false);
    const std::string octets = hex(each.octets);
    CHECK(say(octets, tokens) == each.text);
    CHECK(to_hex(encode(each.text, tokens)) == to_hex(octets));
  }
}

TEST_CASE("what is no message, or a malformed one, and how that is answered") {
  struct Bad {
    const char* octets;
    Parsed answer;
  };
  const std::vector<Bad> cases{
      {"", Parsed::ignore},
      {"40", Parsed::ignore},
      {"40 01", Parsed::ignore},
      {"40 01 00", Parsed::ignore},
      {"00 01 00 01", Parsed::ignore},                            // version 0
      {"80 01 00 01", Parsed::ignore},                            // 2
      {"C0 01 00 01", Parsed::ignore},                            // 3
      {"49 01 00 01 00 00 00 00 00 00 00 00 00", Parsed::reset},  // a token of 9
      {"4F 01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", Parsed::reset},
      {"59 01 00 01 00 00 00 00 00 00 00 00 00", Parsed::ignore},
      {"42 01 00 01 00", Parsed::reset},           // the token is cut off
      {"40 01 00 01 B2 72", Parsed::reset},        // an option is cut off
      {"50 01 00 01 B2 72", Parsed::ignore},       // the same, not confirmable
      {"60 45 00 01 B2 72", Parsed::ignore},       // the same, an ACK
      {"40 01 00 01 F1 72", Parsed::reset},        // delta 15
      {"40 01 00 01 BF 72", Parsed::reset},        // length 15
      {"40 01 00 01 D1", Parsed::reset},           // no extended delta
      {"40 01 00 01 E1 00", Parsed::reset},        // half of it
      {"40 01 00 01 BD", Parsed::reset},           // no extended length
      {"40 01 00 01 BE 00", Parsed::reset},        // half of it
      {"40 01 00 01 E0 FF FF", Parsed::reset},     // an option of number 65804
      {"40 01 00 01 E0 FE F2 10", Parsed::reset},  // 65535 and one more
      {"40 01 00 01 FF", Parsed::reset},           // a marker and nothing
      {"50 01 00 01 FF", Parsed::ignore},
      {"41 00 00 01 00", Parsed::reset},  // empty with a token
      {"40 00 00 01 B0", Parsed::reset},  // with an option
      {"40 00 00 01 FF 61", Parsed::reset},
      {"60 00 00 01 FF 61", Parsed::ignore},
      {"50 00 00 01", Parsed::ignore},  // an empty NON
      {"70 01 00 01", Parsed::ignore},  // an RST that says something
      {"40 20 00 01", Parsed::reset},   // class 1
      {"40 C0 00 01", Parsed::reset},   // class 6
      {"40 E0 00 01", Parsed::reset},   // class 7
      {"50 E0 00 01", Parsed::ignore},
  };
  for (const Bad& each : cases) {
    CAPTURE(std::string(each.octets));
    Message message;
    CHECK(coap::parse(hex(each.octets), message) == each.answer);
    CHECK(message.token.empty());
    CHECK(message.options.empty());
    if (each.answer == Parsed::reset) CHECK(message.id == 1);
  }
}

TEST_CASE("a message that is cut off anywhere is malformed or another one, never read beyond") {
  const std::string whole = hex(
      "42 02 7D 34 A1 B2 B2 72 64 11 28 39 6C 77 6D 32 6D 3D 31 2E 30 06 65 70 3D 65 70 31 FF 41");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    Message message;
    const std::string_view datagram(exact.data(), exact.size());
    if (coap::parse(datagram, message) != Parsed::ok) continue;
    CHECK(4 + message.token.size() + message.options.size() + message.payload.size() +
              (message.payload.empty() ? 0 : 1) ==
          size);
  }
}

TEST_CASE("an option of 300 octets, and the longest that can be written") {
  for (const std::size_t size : {255u, 268u, 269u, 300u, 65'804u}) {
    const std::string value(size, 'q');
    std::string out;
    coap::Writer(out, Type::con, coap::kGet, 7, "ab")
        .option(coap::option::kUriQuery, value)
        .payload("p");
    Message message;
    REQUIRE(coap::parse(out, message) == Parsed::ok);
    coap::OptionReader reader(message.options);
    coap::Option option;
    REQUIRE(reader.next(option));
    CHECK(option.number == coap::option::kUriQuery);
    CHECK(option.value == value);
    CHECK_FALSE(reader.next(option));
    CHECK(message.payload == "p");
  }
}

TEST_CASE("numbers of options, minimal and not") {
  std::string out;
  for (const std::uint32_t value : {0u, 1u, 255u, 256u, 65'535u, 65'536u, 1u << 24, ~0u}) {
    coap::Writer writer(out, Type::con, coap::kGet, 1, {});
    writer.number(coap::option::kSize1, value);
    Message message;
    REQUIRE(coap::parse(out, message) == Parsed::ok);
    coap::OptionReader reader(message.options);
    coap::Option option;
    REQUIRE(reader.next(option));
    CHECK(coap::uint_value(option.value, 4) == value);
    CHECK((option.value.empty() || option.value[0] != 0));
  }
  CHECK(coap::uint_value(hex("00 00 07"), 3) == 7);
  CHECK_FALSE(coap::uint_value(hex("00 00 07"), 2));
  CHECK_FALSE(coap::uint_value(hex("00 00 00 00 07"), 8));
}

TEST_CASE("blocks") {
  struct Value {
    const char* octets;
    std::uint32_t number;
    bool more;
    std::uint32_t size;
  };
  for (const Value& each :
       {Value{"", 0, false, 16}, Value{"3E", 3, true, 1024}, Value{"01 06", 16, false, 1024},
        Value{"FF FF F8", 1048575, true, 16}}) {
    const auto block = coap::block_value(hex(each.octets));
    REQUIRE(block);
    CHECK(block->number == each.number);
    CHECK(block->more == each.more);
    CHECK(block->size() == each.size);
    CHECK(block->offset() == std::uint64_t{each.number} * each.size);
    CHECK(coap::value_of(*block) == coap::uint_value(hex(each.octets), 3));
  }
  CHECK_FALSE(coap::block_value(hex("07")));           // the size is reserved
  CHECK_FALSE(coap::block_value(hex("00 00 00 06")));  // too long
}

TEST_CASE("a writer begins anew") {
  std::string out = "what was there";
  coap::write_empty(out, Type::ack, 0x1234);
  CHECK(to_hex(out) == "60001234");
  coap::Writer(out, Type::non, coap::kContent, 1, "t").payload("");
  CHECK(to_hex(out) == "5145000174");
  CHECK(parse(out) == Parsed::ok);
}

}  // namespace
