#include "kernel/net/dtls_records.hpp"

#include <doctest/doctest.h>

#include "udp_rig.hpp"

using namespace keel::test;

namespace {

std::string be(std::size_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (; bytes-- > 0; value >>= 8) out[bytes] = static_cast<char>(value);
  return out;
}

// A first message; the body's tail is what follows the cookie.
std::string hello(std::string_view cookie, std::string_view tail = std::string(10, 't')) {
  std::string body = "\xfe\xfd" + std::string(32, 'R') + be(0, 1) + be(cookie.size(), 1);
  body += cookie;
  body += tail;
  const std::string message =
      be(1, 1) + be(body.size(), 3) + be(0, 2) + be(0, 3) + be(body.size(), 3) + body;
  return be(22, 1) + "\xfe\xff" + be(0, 2) + be(0x010203040506, 6) + be(message.size(), 2) +
         message;
}

}  // namespace

TEST_CASE("DTLS records: a client's first message") {
  const std::string plain = hello("");
  const auto parsed = parse_hello(plain);
  REQUIRE(parsed);
  CHECK(parsed->random == std::string(32, 'R'));
  CHECK(parsed->cookie.empty());
  CHECK(parsed->record_number == be(0x010203040506, 6));
  CHECK(parse_hello(hello("cookie"))->cookie == "cookie");

  for (std::size_t size = 0; size < plain.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse_hello(plain.substr(0, size)));
  }
  struct Case {
    const char* what;
    std::size_t at;
    char value;
  };
  for (const Case& c : {Case{"another record", 0, 23}, Case{"not DTLS", 1, 3},
                        Case{"encrypted", 4, 1}, Case{"another message", 13, 2},
                        Case{"a later fragment", 21, 1}, Case{"a first fragment", 24, 5},
                        Case{"a session id too long", 59, 33}, Case{"a cookie too long", 60, 99}}) {
    CAPTURE(c.what);
    std::string changed = plain;
    changed[c.at] = c.value;
    CHECK_FALSE(parse_hello(changed));
  }
  CHECK(looks_like_hello(plain));
  CHECK_FALSE(looks_like_hello(plain.substr(0, 13)));
}

TEST_CASE("DTLS records: encrypted ones are counted") {
  const auto record = [](std::size_t epoch, std::size_t size) {
    return be(23, 1) + "\xfe\xfd" + be(epoch, 2) + be(0, 6) + be(size, 2) + std::string(size, 'x');
  };
  CHECK(count_encrypted("") == 0);
  CHECK(count_encrypted(record(0, 5)) == 0);
  CHECK(count_encrypted(record(0, 5) + record(1, 0) + record(1, 900) + record(0, 0)) == 2);
  CHECK(count_encrypted(record(1, 50).substr(0, 20)) == 1);
  CHECK(count_encrypted(record(1, 50) + "short") == 1);
  CHECK(unencrypted(record(0, 1)));
  CHECK_FALSE(unencrypted(record(1, 1)));
  CHECK_FALSE(unencrypted(record(0, 0)));
}

TEST_CASE("DTLS cookies: good for an address and a random value, for a while") {
  DtlsCookie cookies;
  const Endpoint peer = at("192.0.2.1", 5684);
  const std::string random(32, 'r');
  const std::int64_t period = DtlsCookie::kPeriodMs;
  const auto cookie = cookies.make(peer, random, 1'000);
  REQUIRE(cookie);
  const std::string_view text(cookie->data(), cookie->size());
  CHECK(cookies.check(text, peer, random, 1'000));
  CHECK_FALSE(cookies.check(text, at("192.0.2.2", 5684), random, 1'000));
  CHECK_FALSE(cookies.check(text, at("192.0.2.1", 5685), random, 1'000));
  CHECK_FALSE(cookies.check(text, peer, std::string(32, 's'), 1'000));
  CHECK_FALSE(cookies.check(text.substr(1), peer, random, 1'000));
  CHECK_FALSE(cookies.check("", peer, random, 1'000));
  CHECK(cookies.check(text, peer, random, 1'000 + period));            // of the last period
  CHECK_FALSE(cookies.check(text, peer, random, 1'000 + 2 * period));  // of the one before
  // Nobody asked for a long time.
  const auto other = cookies.make(peer, random, 10 * period);
  CHECK_FALSE(cookies.check({other->data(), other->size()}, peer, random, 20 * period));
  DtlsCookie stranger;
  CHECK_FALSE(stranger.check({other->data(), other->size()}, peer, random, 10 * period));
}
