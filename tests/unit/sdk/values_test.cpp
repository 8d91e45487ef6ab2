// Statuses, results, text, addresses, settings.
#include <unordered_map>

#include "tests/unit/sdk/support.hpp"

using namespace keel;

TEST_CASE("a status has a code and a text") {
  CHECK(Status());
  CHECK(Status(KEEL_OK));
  const Status plain = KEEL_E_LIMIT;
  CHECK(!plain);
  CHECK(plain.text() == "limit reached");
  const Status own = Status::error("no such file");
  CHECK(own.code() == KEEL_E_INVAL);
  CHECK(own.text() == "no such file");
  CHECK(Status(-99).text() == "unknown error");
  for (keel_status code = KEEL_E_EXCEPTION; code <= KEEL_OK; ++code) {
    CHECK(status_name(code) != "unknown error");
  }
}

TEST_CASE("a result is a value or a failure, never neither") {
  Result<int> value = 7;
  REQUIRE(value);
  CHECK(*value == 7);
  int out = 0;
  CHECK(std::move(value).into(out));
  CHECK(out == 7);

  Result<int> failed = Status(KEEL_E_NOENT, "gone");
  CHECK(!failed);
  CHECK(failed.text() == "gone");
  out = 1;
  CHECK(!std::move(failed).into(out));
  CHECK(out == 1);

  const Result<int> mistaken = Status();
  CHECK(!mistaken);
  CHECK(mistaken.code() == KEEL_E_INVAL);
  CHECK(Result<int>(Status(KEEL_E_IO)).value_or(3) == 3);
}

TEST_CASE("KEEL_TRY leaves with the first failure") {
  const auto run = [](keel_status first, int& reached) -> Status {
    KEEL_TRY(Status(first));
    ++reached;
    return {};
  };
  int reached = 0;
  CHECK(run(KEEL_OK, reached));
  CHECK(run(KEEL_E_IO, reached) == KEEL_E_IO);
  CHECK(reached == 1);
}

TEST_CASE("text is put together from what people write") {
  CHECK(concat("port ", std::uint16_t{1884}, ' ', -5, ' ', true, ' ', 1.5, ' ',
               std::string_view("end")) == "port 1884 -5 true 1.5 end");
  CHECK(concat(INT64_MIN, ' ', UINT64_MAX, ' ', 0) ==
        "-9223372036854775808 18446744073709551615 0");
  CHECK(concat(static_cast<const char*>(nullptr)) == "(null)");
  CHECK(concat(Status(KEEL_E_IO, "disk full")) == "disk full");
  std::string out;
  put(sink_into(out), "a");
  put(sink_into(out), "b");
  put(keel_sink{}, "nowhere");
  CHECK(out == "ab");
  CHECK(view(keel_str{nullptr, 5}).empty());
}

TEST_CASE("addresses are read and written") {
  for (const char* text : {"127.0.0.1:1884", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80",
                           "[fe80::1%2]:1884", "[2001:db8::5]:1"}) {
    const auto address = Address::parse(text);
    REQUIRE_MESSAGE(address, text);
    CHECK(address->text() == text);
  }
  CHECK(Address::parse("10.0.0.1")->text() == "10.0.0.1:0");
  CHECK(Address::parse("::1")->text() == "[::1]:0");
  CHECK(Address::parse("[::1]")->port() == 0);
  for (const char* text :
       {"", ":", ":80", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:8x", "[::1",
        "[::1]80", "[1.2.3.4]:1", "256.1.1.1:1", "a:1", "[fe80::1%eth0]:1", "1.2.3.4%1:5", "[]:1",
        "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:1"}) {
    CHECK_MESSAGE(!Address::parse(text), text);
  }
}

TEST_CASE("addresses compare, hash and know loopback") {
  const Address a = *Address::parse("10.0.0.1:5"), b = *Address::parse("10.0.0.1:6");
  CHECK(a == *Address::parse("10.0.0.1:5"));
  CHECK(!(a == b));
  CHECK(a.with_port(6) == b);
  CHECK((a < b) != (b < a));
  std::unordered_map<Address, int, AddressHash> peers;
  for (std::uint16_t port = 1; port <= 1000; ++port) peers[a.with_port(port)] = port;
  CHECK(peers.size() == 1000);
  CHECK(peers[b] == 6);
  CHECK(Address::parse("127.3.2.1:1")->is_loopback());
  CHECK(Address::parse("[::1]:1")->is_loopback());
  CHECK(!a.is_loopback());
  CHECK(!Address::parse("[::2]:1")->is_loopback());
  CHECK(!Address().is_loopback());
  CHECK(Address().text().empty());
  static_assert(sizeof(keel_addr) == 28);
}

namespace {
struct Declared {
  static constexpr Setting settings[] = {
      port("a.port", 1884, "A port"),
      integer("a.min", -12, "Below zero"),
      integer("a.none", nullptr, "No default").required(),
      string("a.password", nullptr, "Hidden").secret().reloadable(),
      choice("a.mode", "one|two", "one", "Which"),
      duration("a.idle", "15m", "How long").unit_ms(60'000),
      boolean("a.on", true, "Whether"),
  };
};
}  // namespace

TEST_CASE("settings are declared at compile time") {
  constexpr std::size_t kCount = detail::settings_count<Declared>();
  static_assert(kCount == 7);
  static constexpr auto list = detail::copy_settings<Declared>(std::make_index_sequence<kCount>());
  static constexpr auto table = detail::setting_table(list, std::make_index_sequence<kCount>());
  CHECK(std::string(table.items[0].fallback) == "1884");
  CHECK(table.items[0].max == 65535);
  CHECK(std::string(table.items[1].fallback) == "-12");
  CHECK(table.items[2].fallback == nullptr);
  CHECK(table.items[2].flags == KEEL_SETTING_REQUIRED);
  CHECK(table.items[3].flags == (KEEL_SETTING_SECRET | KEEL_SETTING_RELOADABLE));
  CHECK(std::string(table.items[4].choices) == "one|two");
  CHECK(table.items[5].unit_ms == 60'000);
  CHECK(std::string(table.items[6].fallback) == "true");
  CHECK(table.items[6].size == sizeof(keel_setting));
  CHECK(detail::settings_count<int>() == 0);
}
