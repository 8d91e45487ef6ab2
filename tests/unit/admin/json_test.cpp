#include "kernel/admin/json.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "kernel/base/utf8.hpp"

using namespace keel::kernel;

TEST_CASE("strings from clients come out as valid JSON, whatever they hold") {
  struct {
    std::string in, out;
  } const rows[] = {
      {"", R"("")"},
      {"plain/topic", R"("plain/topic")"},
      {"say \"hi\" \\ there", R"("say \"hi\" \\ there")"},
      {"a\nb\rc\td", R"("a\nb\rc\td")"},
      {std::string("nul\0x", 5), "\"nul\\u0000x\""},
      {"\x01\x1f\x7f\x1b[31m", R"("\u0001\u001f\u007f\u001b[31m")"},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa2",
       "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa2\""},
      {"\xff", R"("\ufffd")"},
      {"a\xc3", R"("a\ufffd")"},
      {"\xc0\x80", R"("\ufffd\ufffd")"},            // overlong
      {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")"},  // surrogate
      {"\xf4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},
      {"\xc2\x9b"
       "31m",
       R"("\u009b31m")"},  // C1
  };
  for (const auto& row : rows) CHECK(json_string(row.in) == row.out);
}

TEST_CASE("random bytes never break the quotes") {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const std::string json = json_string(text);
    REQUIRE(valid_utf8(json));
    REQUIRE(json.front() == '"');
    REQUIRE(json.back() == '"');
    bool escaped = false;
    for (std::size_t i = 1; i + 1 < json.size(); ++i) {
      REQUIRE(static_cast<unsigned char>(json[i]) >= 0x20);
      REQUIRE((json[i] != '"' || escaped));
      escaped = !escaped && json[i] == '\\';
    }
    REQUIRE_FALSE(escaped);
  }
}

TEST_CASE("objects and arrays keep their order and their types") {
  CHECK(JsonObject().str() == "{}");
  CHECK(JsonArray().str() == "[]");
  const std::string object = JsonObject()
                                 .add("s", "x")
                                 .add("b", true)
                                 .add("u8", std::uint8_t{2})
                                 .add("i", std::int64_t{-5})
                                 .add("u", std::numeric_limits<std::uint64_t>::max())
                                 .add("d", 0.5)
                                 .add("inf", INFINITY)
                                 .add_null("n")
                                 .add_raw("a", JsonArray().add("q\"").add_raw("1").str())
                                 .str();
  CHECK(object == R"({"s":"x","b":true,"u8":2,"i":-5,"u":18446744073709551615,"d":0.5,)"
                  R"("inf":null,"n":null,"a":["q\"",1]})");
}
