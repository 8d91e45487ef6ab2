// Bans as lines of text.
#include "kernel/broker/ban_text.hpp"

#include <doctest/doctest.h>

namespace keel::kernel {
namespace {

Ban some_ban(BanKind kind, std::string_view value) {
  auto ban = make_ban(kind, value);
  REQUIRE_MESSAGE(ban, ban.error());
  return *ban;
}

TEST_CASE("ban text: a line says all there is") {
  Ban ban = some_ban(BanKind::client, "meter 7");
  ban.at_s = 1'700'000'000;
  ban.until_s = 1'700'003'600;
  ban.by = "ctl";
  ban.reason = "sends rubbish";
  CHECK(print_ban(ban) ==
        "client \"meter 7\" until=2023-11-14T23:13:20Z by=ctl at=2023-11-14T22:13:20Z "
        "reason=\"sends rubbish\"");
  ban.until_s = 0;
  CHECK(print_ban(ban).find("until=never") != std::string::npos);
}

TEST_CASE("ban text: whatever stands in names comes back, on one line") {
  const std::string values[] = {"plain",
                                "two words",
                                "quote\" and \\ backslash \\x41",
                                "line\nbreak\r\ttab",
                                std::string("zero\0byte", 9),
                                "\x7f\x01",
                                "\xc3\xbc\xff",
                                "\" until=never by=ctl at=never reason=\"",
                                "#comment"};
  for (const std::string& value : values) {
    for (const BanKind kind : {BanKind::client, BanKind::user}) {
      Ban ban = some_ban(kind, value);
      ban.by = "flapping";
      ban.reason = value;
      ban.until_s = 2'000'000'000;
      const std::string line = print_ban(ban);
      CAPTURE(line);
      for (const char c : line) CHECK(static_cast<unsigned char>(c) >= 0x20);
      const auto back = parse_ban(line);
      REQUIRE(back);
      CHECK(back->kind == kind);
      CHECK(back->value == value);
      CHECK(back->reason == value);
      CHECK(back->by == "flapping");
      CHECK(back->until_s == 2'000'000'000);
      CHECK(back->at_s == 0);
    }
  }
}

TEST_CASE("ban text: addresses come back with what they are looked up by") {
  const Ban ban = some_ban(BanKind::address, "10.1.2.3/8");
  CHECK(ban.value == "10.0.0.0/8");
  const auto back =
      parse_ban("address \"10.0.0.0/8\" until=never by=ctl at=2023-11-14T22:13:20Z reason=\"\"");
  REQUIRE(back);
  CHECK(back->key == ban.key);
  CHECK(back->until_s == 0);
  CHECK(back->at_s == 1'700'000'000);
}

TEST_CASE("ban text: lines that are none") {
  const char* const lines[] = {
      "",
      "client",
      "client meter until=never by=ctl at=never reason=\"\"",
      "client \"meter until=never by=ctl at=never reason=\"\"",
      "client \"meter\" until=never by=ctl at=never reason=\"",
      "client \"meter\" until=never by=ctl at=never reason=\"\" more",
      "client \"meter\" until=never by=ctl at=never",
      "client \"meter\" until=tomorrow by=ctl at=never reason=\"\"",
      "client \"meter\" until=2023-13-41T00:00:00Z by=ctl at=never reason=\"\"",
      "client \"meter\" until=1970-01-01T00:00:00Z by=ctl at=never reason=\"\"",
      "client \"meter\" until=never by=\x01 at=never reason=\"\"",
      "client \"meter\" until= by=ctl at=never reason=\"\"",
      "client \"meter\" until=never by= at=never reason=\"\"",
      "client \"\" until=never by=ctl at=never reason=\"\"",
      "client \"a\\\" until=never by=ctl at=never reason=\"\"",
      "client \"a\\x4\" until=never by=ctl at=never reason=\"\"",
      "client \"a\\n\" until=never by=ctl at=never reason=\"\"",
      "planet \"mars\" until=never by=ctl at=never reason=\"\"",
      "address \"10.0.0.0/33\" until=never by=ctl at=never reason=\"\"",
      "address \"example.com\" until=never by=ctl at=never reason=\"\"",
      " client \"meter\" until=never by=ctl at=never reason=\"\"",
  };
  for (const char* line : lines) {
    CAPTURE(line);
    CHECK_FALSE(parse_ban(line));
  }
}

TEST_CASE("ban text: the words of EMQ X are understood") {
  CHECK(parse_ban_kind("client") == BanKind::client);
  CHECK(parse_ban_kind("clientid") == BanKind::client);
  CHECK(parse_ban_kind("user") == BanKind::user);
  CHECK(parse_ban_kind("username") == BanKind::user);
  CHECK(parse_ban_kind("address") == BanKind::address);
  CHECK(parse_ban_kind("peerhost") == BanKind::address);
  CHECK(parse_ban_kind("ipaddress") == BanKind::address);
  CHECK_FALSE(parse_ban_kind("host"));
  CHECK_FALSE(parse_ban_kind(""));
}

TEST_CASE("ban text: values that cannot be banned") {
  CHECK_FALSE(make_ban(BanKind::client, ""));
  CHECK_FALSE(make_ban(BanKind::user, std::string(65'536, 'x')));
  CHECK(make_ban(BanKind::user, std::string(65'535, 'x')));
  for (const char* bad : {"localhost", "10.0.0", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/33",
                          "::/129", "::ffff:10.0.0.0/95", "10.0.0.1:1883", "unix"}) {
    CAPTURE(bad);
    CHECK_FALSE(make_ban(BanKind::address, bad));
  }
}

}  // namespace
}  // namespace keel::kernel
