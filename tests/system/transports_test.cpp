// Listeners beside plain TCP: TLS, client certificates, pre-shared keys, Unix sockets, PROXY
// headers, mountpoints, and the versions a listener admits.
#include <sys/stat.h>

#include "tests/system/support/certificates.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

std::string cert(const std::string& file) { return (certificates() / file).string(); }

// A TLS listener `secure` with more settings for its section and itself.
std::string tls_settings(const std::string& more = {}) {
  return "tls.test.certfile = \"${certs}/server.pem\"\n"
         "tls.test.keyfile = \"${certs}/server.key\"\n"
         "listener.secure.bind = \"127.0.0.1:${port:secure}\"\n"
         "listener.secure.tls = \"test\"\n" +
         more;
}

const std::string kMutual =
    "tls.test.cafile = \"${certs}/ca.pem\"\ntls.test.verify = \"require\"\n";

TlsOptions trusting() { return {.cafile = cert("ca.pem")}; }
TlsOptions as(const std::string& name) {
  return {
      .cafile = cert("ca.pem"), .certfile = cert(name + ".pem"), .keyfile = cert(name + ".key")};
}

// With TLS 1.3 a refusal shows only after the client's side of the handshake is done.
bool refused(BrokerProcess& broker, const TlsOptions& tls) {
  try {
    Client client{broker.tls_endpoint("secure", tls), Version::v5};
    client.connect({.client_id = "c", .version = Version::v5});
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

void exchange(Client& client) {
  client.subscribe("t", 2);
  client.publish("t", std::string(100'000, 'x'), 2);
  client.take("t", std::string(100'000, 'x'), 2);
}

}  // namespace

TEST_SUITE_BEGIN("transports");

TEST_CASE_TEMPLATE("TLS 1.2 and 1.3", V, V31, V311, V5) {
  BrokerProcess broker{tls_settings()};
  for (const std::string version : {"1.2", "1.3"}) {
    TlsOptions tls = trusting();
    tls.version = version;
    for (int i = 0; i < 4; ++i) {  // ids with a home on either shard
      const std::string id = "c" + std::to_string(i);
      Client client = Client::accepted(broker.tls_endpoint("secure", tls),
                                       {.client_id = id, .version = V::value});
      CHECK(client.socket().tls_version() == "TLSv" + version);
      exchange(client);
      client.disconnect();
    }
  }
}

TEST_CASE("min_version and max_version of TLS hold") {
  BrokerProcess broker{tls_settings("tls.test.min_version = \"1.3\"")};
  TlsOptions old = trusting();
  old.version = "1.2";
  CHECK(refused(broker, old));
  CHECK_FALSE(refused(broker, trusting()));
}

TEST_CASE_TEMPLATE("TLS and plain clients reach each other", V, V311, V5) {
  BrokerProcess broker{tls_settings()};
  Client plain = broker.connect("plain", V::value);
  Client secure = Client::accepted(broker.tls_endpoint("secure", trusting()),
                                   {.client_id = "secure", .version = V::value});
  plain.subscribe("t", 1);
  secure.publish("t", "x", 1);
  plain.take("t", "x", 1);
  const auto secured = [&](int count) {
    return contains(broker.ctl_ok({"metrics", "--prometheus"}),
                    "keel_connections_tls " + std::to_string(count) + "\n");
  };
  CHECK(secured(1));
  secure.disconnect();
  eventually([&] { return secured(0); }, "nobody is there over TLS");
}

TEST_CASE("plain bytes on a TLS listener, and TLS on a plain one, end cleanly") {
  BrokerProcess broker{tls_settings()};
  Client plain{broker.endpoint("secure")};
  plain.send(encode(Connect{.client_id = "c"}));
  std::string answer;  // an alert, then the end
  while (plain.socket().receive(answer, Deadline{}) == Socket::Read::data) {
  }
  CHECK_THROWS_AS(Socket{broker.tls_endpoint("mqtt", trusting())}, ConnectFailure);
  CHECK_FALSE(refused(broker, trusting()));
}

TEST_CASE("a TLS handshake that stalls is ended after handshake_timeout") {
  BrokerProcess broker{tls_settings("limits.handshake_timeout = \"500ms\"")};
  Client stalled{broker.endpoint("secure")};
  stalled.send(from_hex("16 03 01"));
  stalled.expect_closed();
}

TEST_CASE("verify = require asks for a certificate of the authority") {
  BrokerProcess broker{tls_settings(kMutual)};
  CHECK_FALSE(refused(broker, as("client")));
  CHECK(refused(broker, trusting()));
  CHECK(refused(broker, as("stranger")));
}

TEST_CASE("verify = optional takes clients without one, not with a wrong one") {
  BrokerProcess broker{
      tls_settings("tls.test.cafile = \"${certs}/ca.pem\"\ntls.test.verify = \"optional\"")};
  CHECK_FALSE(refused(broker, trusting()));
  CHECK_FALSE(refused(broker, as("client")));
  CHECK(refused(broker, as("stranger")));
}

TEST_CASE("revoked certificates are refused") {
  BrokerProcess broker{tls_settings(kMutual + "tls.test.crlfile = \"${certs}/crl.pem\"")};
  CHECK_FALSE(refused(broker, as("client")));
  CHECK(refused(broker, as("revoked")));
}

TEST_CASE_TEMPLATE("the certificate names the user or the client", V, V311, V5) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"cn", "alice"}, {"san", "alice.example.org"}, {"dn", "CN"}};
  for (const auto& row : rows) {
    const auto& attribute = row.first;
    CAPTURE(attribute);
    BrokerProcess broker{
        tls_settings(kMutual + "listener.secure.username_from = \"" + attribute + "\"")};
    Client client = Client::accepted(broker.tls_endpoint("secure", as("client")),
                                     {.client_id = "c", .version = V::value});
    const std::string line = broker.ctl_ok({"clients", "show", "c"});
    CHECK(contains(line, "username="));
    CHECK(contains(line, row.second));
  }
  BrokerProcess broker{tls_settings(kMutual + "listener.secure.clientid_from = \"cn\"")};
  Client client = Client::accepted(broker.tls_endpoint("secure", as("client")),
                                   {.client_id = "ignored", .version = V::value});
  CHECK(contains(broker.ctl_ok({"clients", "list"}), "Connection(alice,"));
}

TEST_CASE_TEMPLATE("username_as_clientid with a certificate", V, V311, V5) {
  BrokerProcess broker{tls_settings(kMutual + "listener.secure.username_from = \"cn\"\n"
                                              "listener.secure.username_as_clientid = true")};
  Client client = Client::accepted(broker.tls_endpoint("secure", as("client")),
                                   {.client_id = "ignored", .version = V::value});
  CHECK(contains(broker.ctl_ok({"clients", "list"}), "Connection(alice,"));
}

TEST_CASE_TEMPLATE("TLS with a pre-shared key", V, V311, V5) {
  BrokerProcess broker{
      "tls.psk.pskfile = \"${certs}/psk.txt\"\ntls.psk.psk_hint = \"hint\"\n"
      "listener.secure.bind = \"127.0.0.1:${port:secure}\"\nlistener.secure.tls = \"psk\""};
  for (const std::string version : {"1.2", "1.3"}) {
    CAPTURE(version);
    TlsOptions tls{.psk_identity = "sensor1", .psk_hex = kPskKey, .version = version};
    Client client = Client::accepted(broker.tls_endpoint("secure", tls),
                                     {.client_id = "c" + version, .version = V::value});
    exchange(client);
    tls.psk_hex = "ffffffffffffffffffffffffffffffff";
    CHECK(refused(broker, tls));
    tls.psk_identity = "nobody";
    CHECK(refused(broker, tls));
  }
}

TEST_CASE("a new certificate is served after listeners reload, and nobody is dropped") {
  BrokerProcess broker{
      "tls.test.certfile = \"${dir}/cert.pem\"\ntls.test.keyfile = \"${dir}/key.pem\"\n"
      "listener.secure.bind = \"127.0.0.1:${port:secure}\"\nlistener.secure.tls = \"test\"",
      {.prepare = [](const std::filesystem::path& dir) {
        std::filesystem::copy_file(certificates() / "server.pem", dir / "cert.pem");
        std::filesystem::copy_file(certificates() / "server.key", dir / "key.pem");
      }}};
  const Endpoint endpoint = broker.tls_endpoint("secure", trusting());
  Client before = Client::accepted(endpoint, {.client_id = "before"});
  CHECK(before.socket().peer_certificate_serial() == "2");
  write_file(broker.dir() / "key.pem", read_file(certificates() / "server2.key"));
  write_file(broker.dir() / "cert.pem", read_file(certificates() / "server2.pem"));
  broker.ctl_ok({"listeners", "reload"});
  CHECK(Socket{endpoint}.peer_certificate_serial() == "3");
  before.ping();

  SUBCASE("a broken file changes nothing") {
    write_file(broker.dir() / "cert.pem", "rubbish");
    CHECK(broker.ctl({"listeners", "reload"}).exit == 1);
    CHECK(Socket{endpoint}.peer_certificate_serial() == "3");
    before.ping();
  }
}

TEST_CASE("a new certificate is picked up when its file changes") {
  BrokerProcess broker{
      "tls.test.certfile = \"${dir}/cert.pem\"\ntls.test.keyfile = \"${dir}/key.pem\"\n"
      "listener.secure.bind = \"127.0.0.1:${port:secure}\"\nlistener.secure.tls = \"test\"",
      {.prepare = [](const std::filesystem::path& dir) {
        std::filesystem::copy_file(certificates() / "server.pem", dir / "cert.pem");
        std::filesystem::copy_file(certificates() / "server.key", dir / "key.pem");
      }}};
  const Endpoint endpoint = broker.tls_endpoint("secure", trusting());
  Client before = Client::accepted(endpoint, {.client_id = "before"});
  write_file(broker.dir() / "key.pem", read_file(certificates() / "server2.key"));
  write_file(broker.dir() / "cert.pem", read_file(certificates() / "server2.pem"));
  eventually([&] { return Socket{endpoint}.peer_certificate_serial() == "3"; },
             "the new certificate");
  before.ping();
}

TEST_CASE("a new list of revoked certificates holds after listeners reload") {
  BrokerProcess broker{tls_settings(kMutual + "tls.test.crlfile = \"${dir}/crl.pem\""),
                       {.prepare = [](const std::filesystem::path& dir) {
                         std::filesystem::copy_file(certificates() / "crl-empty.pem",
                                                    dir / "crl.pem");
                       }}};
  CHECK_FALSE(refused(broker, as("revoked")));
  write_file(broker.dir() / "crl.pem", read_file(certificates() / "crl.pem"));
  broker.ctl_ok({"listeners", "reload"});
  CHECK(refused(broker, as("revoked")));
  CHECK_FALSE(refused(broker, as("client")));
}

TEST_CASE_TEMPLATE("Unix sockets", V, V31, V311, V5) {
  BrokerProcess broker{
      "listener.local.bind = \"unix:${dir}/mqtt.sock\"\nlistener.local.unix_mode = 0o600"};
  const std::filesystem::path path = broker.dir() / "mqtt.sock";
  Client client = Client::accepted(Endpoint{.unix_path = path.string()},
                                   {.client_id = "c", .version = V::value});
  exchange(client);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(broker.stop() == 0);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("PROXY headers v1 and v2 tell the client's address") {
  BrokerProcess broker{
      "listener.proxied.bind = \"127.0.0.1:${port:proxied}\"\nlistener.proxied.proxy_protocol = "
      "true"};
  const std::string v2 = from_hex("0D0A0D0A000D0A515549540A");
  struct Row {
    std::string id, header, address;
  };
  const std::vector<Row> rows = {
      {"v1", "PROXY TCP4 192.0.2.7 198.51.100.1 4242 1883\r\n", "192.0.2.7:4242"},
      {"v1-six", "PROXY TCP6 2001:db8::7 2001:db8::1 4242 1883\r\n", "2001:db8::7"},
      {"v1-unknown", "PROXY UNKNOWN\r\n", "127.0.0.1:"},
      {"v2", v2 + from_hex("21 11 000C C0000207 C6336401 1092 075B"), "192.0.2.7:4242"},
      {"v2-tlv", v2 + from_hex("21 11 0010 C0000207 C6336401 1092 075B 04 0001 00"),
       "192.0.2.7:4242"},
      {"v2-six",
       v2 + from_hex("21 21 0024 20010DB8000000000000000000000007 20010DB8000000000000000000000001"
                     "1092 075B"),
       "2001:db8::7"},
      {"v2-local", v2 + from_hex("20 00 0000"), "127.0.0.1:"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.id);
    Endpoint endpoint = broker.endpoint("proxied");
    endpoint.preamble = row.header;
    Client client = Client::accepted(endpoint, {.client_id = row.id});
    CHECK(contains(broker.ctl_ok({"clients", "show", row.id}), row.address));
  }
}

TEST_CASE("without a PROXY header, or with a bad one, the connection ends") {
  BrokerProcess broker{
      "listener.proxied.bind = \"127.0.0.1:${port:proxied}\"\nlistener.proxied.proxy_protocol = "
      "true"};
  const std::vector<std::string> bad = {
      encode(Connect{.client_id = "c"}),
      "PROXY TCP4 999.0.2.7 198.51.100.1 4242 1883\r\n",
      "PROXY " + std::string(200, 'x'),
      from_hex("0D0A0D0A000D0A515549540A 31 11 000C"),
  };
  for (const std::string& header : bad) {
    Client client{broker.endpoint("proxied")};
    client.send(header + encode(Connect{.client_id = "c"}));
    client.expect_closed();
  }
}

TEST_CASE("a PROXY header that does not come is waited for no longer than handshake_timeout") {
  BrokerProcess broker{
      "listener.proxied.bind = \"127.0.0.1:${port:proxied}\"\nlistener.proxied.proxy_protocol = "
      "true\n"
      "limits.handshake_timeout = \"500ms\""};
  Client client{broker.endpoint("proxied")};
  client.send("PROXY TCP4 ");
  client.expect_closed();
}

TEST_CASE("proxy_from tells who may send a PROXY header") {
  BrokerProcess broker{
      "listener.proxied.bind = \"127.0.0.1:${port:proxied}\"\nlistener.proxied.proxy_protocol = "
      "true\n"
      "listener.proxied.proxy_from = [\"192.0.2.0/24\"]"};
  Client client{broker.endpoint("proxied")};
  client.send("PROXY TCP4 192.0.2.7 198.51.100.1 4242 1883\r\n" +
              encode(Connect{.client_id = "c"}));
  client.expect_closed();
}

TEST_CASE("a PROXY header may stand before TLS") {
  BrokerProcess broker{tls_settings("listener.secure.proxy_protocol = true")};
  Endpoint endpoint = broker.tls_endpoint("secure", trusting());
  endpoint.preamble = "PROXY TCP4 192.0.2.7 198.51.100.1 4242 1883\r\n";
  Client client = Client::accepted(endpoint, {.client_id = "c"});
  CHECK(contains(broker.ctl_ok({"clients", "show", "c"}), "192.0.2.7:4242"));
}

TEST_CASE_TEMPLATE("a mountpoint stands before every topic of a listener's clients", V, V31, V311,
                   V5) {
  BrokerProcess broker{
      "listener.home.bind = \"127.0.0.1:${port:home}\"\nlistener.home.mountpoint = \"home/%c/\""};
  const auto at_home = [&](const std::string& id, std::optional<Will> will = {}) {
    return Client::accepted(broker.endpoint("home"),
                            {.client_id = id, .version = V::value, .will = std::move(will)});
  };
  Client outside = broker.connect("outside", V::value);
  outside.subscribe("home/#", 1);
  Client inside = at_home("one", Will{"will", "bye", 1, false, {}});
  inside.subscribe("t/+", 1);
  inside.publish("t/x", "up", 1);
  outside.take("home/one/t/x", "up", 1);
  inside.take("t/x", "up", 1);
  outside.publish("home/one/t/y", "down", 1);
  outside.take("home/one/t/y", "down", 1);
  inside.take("t/y", "down", 1);
  Client other = at_home("two");
  other.subscribe("#", 1);
  inside.publish("t/x", "kept", 1, true);
  inside.take("t/x", "kept", 1);
  outside.take("home/one/t/x", "kept", 1);
  other.expect_nothing();
  inside.subscribe("t/#", 1);
  CHECK(inside.take("t/x", "kept", 1).retain);
  inside.reset();
  outside.take("home/one/will", "bye", 1);
}

TEST_CASE("a listener admits only the versions it names") {
  BrokerProcess broker{
      "listener.new.bind = \"127.0.0.1:${port:new}\"\nlistener.new.versions = [\"5.0\"]\n"
      "listener.old.bind = \"127.0.0.1:${port:old}\"\nlistener.old.versions = [\"3.1\", "
      "\"3.1.1\"]"};
  const auto code = [&](const std::string& listener, Version version) {
    Client client{broker.endpoint(listener), version};
    return int{client.connect({.client_id = "c", .version = version}).reason};
  };
  CHECK(code("new", Version::v5) == 0);
  CHECK(code("new", Version::v311) == 0x01);
  CHECK(code("new", Version::v31) == 0x01);
  CHECK(code("old", Version::v5) == 0x84);
  CHECK(code("old", Version::v311) == 0);
  CHECK(code("old", Version::v31) == 0);
}

TEST_CASE("a disabled listener does not listen; a bare port binds the default address") {
  BrokerProcess broker{
      "listener.off.bind = \"127.0.0.1:${port:off}\"\nlistener.off.enabled = false\n"
      "kernel.default_address = \"127.0.0.2\"\nlistener.bare.bind = ${port:bare}"};
  CHECK_THROWS_AS(Socket{broker.endpoint("off")}, ConnectFailure);
  CHECK_THROWS_AS(Socket{broker.endpoint("bare")}, ConnectFailure);
  Endpoint bare = broker.endpoint("bare");
  bare.host = "127.0.0.2";
  Client::accepted(bare, {.client_id = "c"}).ping();
}

TEST_CASE("IPv6 loopback") {
  BrokerProcess broker{"listener.six.bind = \"[::1]:${port:six}\""};
  Endpoint six = broker.endpoint("six");
  six.host = "::1";
  Client::accepted(six, {.client_id = "c"}).ping();
}

TEST_SUITE_END();

}  // namespace keel::test
