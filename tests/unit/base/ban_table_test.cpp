#include "kernel/base/ban_table.hpp"

#include <doctest/doctest.h>

#include <string>

namespace keel::kernel {
namespace {

BanPtr names(BanKind kind, const std::string& value) {
  Ban ban;
  ban.kind = kind;
  ban.value = value;
  return std::make_shared<const Ban>(ban);
}

BanPtr block(const std::string& text) {
  const auto cidr = Cidr::parse(text);
  REQUIRE_MESSAGE(cidr, cidr.error());
  return std::make_shared<const Ban>(address_ban(*cidr));
}

bool holds(const BanTable& table, const std::string& address) {
  const auto peer = Endpoint::parse(address, 4711);
  REQUIRE(peer);
  return table.has_address(*peer);
}

TEST_CASE("bans: names are looked up by kind and whole value") {
  BanTable table;
  CHECK_FALSE(table.has_client(""));
  table.put(names(BanKind::client, "meter"));
  table.put(names(BanKind::user, "joe"));
  CHECK(table.has_client("meter"));
  CHECK_FALSE(table.has_user("meter"));
  CHECK(table.has_user("joe"));
  CHECK_FALSE(table.has_client("joe"));
  CHECK_FALSE(table.has_client("mete"));
  CHECK_FALSE(table.has_client("meter7"));
  CHECK_FALSE(table.has_client("METER"));
  CHECK(table.size() == 2);
}

TEST_CASE("bans: addresses and the blocks they lie in") {
  struct Row {
    const char *banned, *address;
    bool holds;
  };
  const Row rows[] = {
      {"10.0.0.1", "10.0.0.1", true},
      {"10.0.0.1", "10.0.0.2", false},
      {"10.0.0.1", "::ffff:10.0.0.1", true},  // IPv4 that came in by an IPv6 socket
      {"::ffff:10.0.0.1", "10.0.0.1", true},
      {"10.1.2.3/8", "10.255.0.1", true},
      {"10.1.2.3/8", "11.0.0.0", false},
      {"10.0.0.0/9", "10.127.255.255", true},
      {"10.0.0.0/9", "10.128.0.0", false},
      {"::ffff:10.0.0.0/104", "10.9.9.9", true},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"0.0.0.0", "10.0.0.1", false},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::1", false},
      {"2001:db8::1", "2001:db8::1", true},
      {"2001:db8::1", "2001:db8::2", false},
      {"2001:db8::/127", "2001:db8::1", true},
      {"2001:db8::/127", "2001:db8::2", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "10.0.0.1", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.banned);
    CAPTURE(row.address);
    BanTable table;
    table.put(block(row.banned));
    CHECK(holds(table, row.address) == row.holds);
  }
}

TEST_CASE("bans: peers without an IP address lie in no block") {
  BanTable table;
  table.put(block("0.0.0.0/0"));
  table.put(block("::/0"));
  Endpoint peer;
  CHECK_FALSE(table.has_address(peer));
  peer.family = Endpoint::Family::unix_socket;
  CHECK_FALSE(table.has_address(peer));
}

TEST_CASE("bans: a block is one ban however it is written") {
  BanTable table;
  table.put(block("10.1.2.3/8"));
  table.put(block("10.0.0.0/8"));
  table.put(block("::ffff:10.0.0.0/104"));
  CHECK(table.size() == 1);
  CHECK(table.all()[0]->value == "10.0.0.0/8");
  CHECK(block("10.0.0.7/32")->value == "10.0.0.7");
  CHECK(block("2001:DB8::/32")->value == "2001:db8::/32");
}

TEST_CASE("bans: taken out again, and put in twice") {
  BanTable table;
  const BanPtr ban = block("10.0.0.0/8");
  table.put(ban);
  table.put(block("10.0.0.0/8"));
  CHECK(table.count(BanKind::address) == 1);
  CHECK(table.erase(BanKind::address, ban->id()));
  CHECK_FALSE(table.erase(BanKind::address, ban->id()));
  CHECK(table.size() == 0);
  CHECK_FALSE(holds(table, "10.0.0.1"));
}

TEST_CASE("bans: a snapshot stays as it was") {
  BanTable table;
  for (int i = 0; i < 5'000; ++i) table.put(names(BanKind::client, "c" + std::to_string(i)));
  const auto before = table.snapshot();
  table.erase(BanKind::client, "c7");
  table.put(names(BanKind::client, "new"));
  const auto after = table.snapshot();
  for (int i = 0; i < 5'000; ++i) table.erase(BanKind::client, "c" + std::to_string(i));
  CHECK(before->size() == 5'000);
  CHECK(before->has_client("c7"));
  CHECK_FALSE(before->has_client("new"));
  CHECK(after->size() == 5'000);
  CHECK_FALSE(after->has_client("c7"));
  CHECK(after->has_client("new"));
  for (int i = 0; i < 5'000; ++i) {
    if (i != 7) REQUIRE(after->has_client("c" + std::to_string(i)));
  }
  CHECK(table.size() == 1);
  CHECK(after->all().size() == 5'000);
}

}  // namespace
}  // namespace keel::kernel
