// Addresses whose logins fail again and again are not listened to for a while.
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kLimits =
    "[auth]\nmax_failures = 5\nfailure_window = \"1h\"\n"
    "[listener.proxy]\nbind = \"127.0.0.1:${port:proxy}\"\nproxy_protocol = true\n"
    "allow_anonymous = true\n";

Packet login(const Endpoint& endpoint, Version version) {
  Client client{endpoint, version};
  return client.connect(
      {.client_id = "c", .version = version, .username = "u", .password = "wrong"});
}

Endpoint from_ip4(BrokerProcess& broker, const std::string& address) {
  Endpoint endpoint = broker.endpoint("proxy");
  endpoint.preamble = "PROXY TCP4 " + address + " 198.51.100.1 4242 1883\r\n";
  return endpoint;
}

}  // namespace

TEST_SUITE_BEGIN("auth_limits");

TEST_CASE_TEMPLATE("refused after so many failures, whatever the credentials", V, V31, V311, V5) {
  BrokerProcess broker(kLimits);
  const bool v5 = V::value == Version::v5;
  for (int i = 0; i < 5; ++i)
    CHECK(login(broker.endpoint(), V::value).reason == (v5 ? 0x86 : 0x04));
  for (int i = 0; i < 3; ++i)
    CHECK(login(broker.endpoint(), V::value).reason == (v5 ? 0x9F : 0x03));
  broker.connect("anonymous", V::value).ping();  // it presents nothing that could be guessed
  const std::string metrics = broker.ctl_ok({"metrics", "--prometheus"});
  CHECK(contains(metrics, "keel_auth_rate_limited_total 3\n"));
  CHECK(contains(metrics, "keel_auth_failure_total 5\n"));
  // Once for the address and window, however often it comes.
  const std::string log = broker.log(), line = "5 logins failed within 3600 s";
  const auto first = log.find(line);
  REQUIRE(first != std::string::npos);
  CHECK(log.find(line, first + 1) == std::string::npos);
  CHECK_FALSE(contains(log, "wrong"));
}

TEST_CASE("counted by the address that the PROXY header states, on all shards together") {
  BrokerProcess broker(kLimits);
  for (int i = 0; i < 5; ++i)
    CHECK(login(from_ip4(broker, "203.0.113.1"), Version::v5).reason == 0x86);
  CHECK(login(from_ip4(broker, "203.0.113.1"), Version::v5).reason == 0x9F);
  CHECK(login(from_ip4(broker, "203.0.113.2"), Version::v5).reason == 0x86);
  CHECK(login(broker.endpoint(), Version::v5).reason == 0x86);
}

TEST_CASE("an authentication method counts as credentials") {
  BrokerProcess broker(kLimits);
  Connect connect{.client_id = "c", .version = Version::v5};
  connect.props.str(prop::kAuthMethod, "SCRAM-SHA-1").str(prop::kAuthData, "n,,n=user");
  for (int i = 0; i < 5; ++i) CHECK(broker.open(Version::v5).connect(connect).reason == 0x8C);
  CHECK(broker.open(Version::v5).connect(connect).reason == 0x9F);
}

TEST_CASE("over with its window, and lifted by a reload") {
  BrokerProcess broker("[auth]\nmax_failures = 2\nfailure_window = \"1s\"\n");
  eventually(
      [&] {
        for (int i = 0; i < 2; ++i) login(broker.endpoint(), Version::v5);
        return login(broker.endpoint(), Version::v5).reason == 0x9F;
      },
      "refused");
  eventually([&] { return login(broker.endpoint(), Version::v5).reason == 0x86; }, "heard again");
  broker.write_settings("[auth]\nmax_failures = 0\n");
  broker.ctl_ok({"conf", "reload"});
  for (int i = 0; i < 150; ++i) CHECK(login(broker.endpoint(), Version::v5).reason == 0x86);
}

TEST_SUITE_END();

}  // namespace keel::test
