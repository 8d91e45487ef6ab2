// The ban list: who is kept out, who has to go, and that a restart changes nothing about it.
#include <filesystem>
#include <fstream>

#include "tests/system/support/certificates.hpp"
#include "tests/system/support/plugins.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kProxy =
    "listener.proxy.bind = \"127.0.0.1:${port:proxy}\"\nlistener.proxy.proxy_protocol = true\n"
    "listener.proxy.allow_anonymous = true\n";

Endpoint from(BrokerProcess& broker, const std::string& address) {
  Endpoint endpoint = broker.endpoint("proxy");
  const bool six = contains(address, ":");
  endpoint.preamble = std::string("PROXY ") + (six ? "TCP6 " : "TCP4 ") + address + " " +
                      (six ? "2001:db8::1" : "198.51.100.1") + " 4242 1883\r\n";
  return endpoint;
}

bool admitted(const Endpoint& endpoint, const Connect& connect) {
  try {
    Client client{endpoint, connect.version};
    return client.connect(connect).reason == 0;
  } catch (const std::exception&) {
    return false;  // closed, without an answer
  }
}

}  // namespace

TEST_SUITE_BEGIN("banned");

TEST_CASE_TEMPLATE("a banned client id is told so, and gets in again when it is not any more", V,
                   V31, V311, V5) {
  BrokerProcess broker;
  broker.ctl_ok({"banned", "add", "client", "c", "--reason", "noise"});
  Client client = broker.open(V::value);
  const Packet connack = client.connect({.client_id = "c", .version = V::value});
  CHECK(connack.reason == (V::value == Version::v5 ? 0x8A : 0x05));
  client.expect_closed();
  broker.connect("d", V::value).ping();
  CHECK(contains(broker.ctl_ok({"metrics"}), "banned/refused"));
  broker.ctl_ok({"banned", "del", "client", "c"});
  broker.connect("c", V::value).ping();
}

TEST_CASE_TEMPLATE("a client that is connected goes at once, and its will is not published", V,
                   V311, V5) {
  BrokerProcess broker;
  Client watcher = broker.connect("w", Version::v5);
  watcher.subscribe("will", 1);
  Connect connect{.client_id = "c", .version = V::value};
  connect.will = Will{.topic = "will", .payload = "x"};
  Client client = broker.connect(connect);
  broker.ctl_ok({"banned", "add", "clientid", "c"});
  client.expect_ended(0x98);
  Client other = broker.connect("d", Version::v5);
  watcher.expect_nothing_from(other);
}

TEST_CASE("addresses: blocks of IPv4 and IPv6, as the PROXY header states them") {
  BrokerProcess broker(kProxy);
  Client guilty = Client::accepted(from(broker, "10.7.0.1"), {.client_id = "guilty"});
  Client innocent = Client::accepted(from(broker, "11.7.0.1"), {.client_id = "innocent"});
  broker.ctl_ok({"banned", "add", "peerhost", "10.0.0.0/8"});
  broker.ctl_ok({"banned", "add", "address", "2001:db8:7::/48"});
  guilty.expect_closed();
  innocent.ping();
  CHECK_FALSE(admitted(from(broker, "10.255.0.1"), {.client_id = "c"}));
  CHECK(admitted(from(broker, "11.255.0.1"), {.client_id = "c"}));
  CHECK_FALSE(admitted(from(broker, "2001:db8:7:1::1"), {.client_id = "c"}));
  CHECK(admitted(from(broker, "2001:db8:8::1"), {.client_id = "c"}));
  // An IPv4 address in IPv6's clothes is the same one.
  CHECK_FALSE(admitted(from(broker, "::ffff:10.0.0.1"), {.client_id = "c"}));
}

TEST_CASE("addresses: closed before TLS begins, and not where a proxy stands in front") {
  BrokerProcess broker(kProxy +
                       "tls.test.certfile = \"${certs}/server.pem\"\n"
                       "tls.test.keyfile = \"${certs}/server.key\"\n"
                       "listener.secure.bind = \"127.0.0.1:${port:secure}\"\n"
                       "listener.secure.tls = \"test\"\n");
  const Endpoint secure = broker.tls_endpoint("secure", {});
  CHECK(admitted(secure, {.client_id = "c"}));
  Client plain = broker.connect("plain", Version::v311);
  broker.ctl_ok({"banned", "add", "ipaddress", "127.0.0.1"});
  plain.expect_closed();
  CHECK_FALSE(admitted(secure, {.client_id = "c"}));
  CHECK_FALSE(admitted(broker.endpoint(), {.client_id = "c"}));
  CHECK(admitted(from(broker, "10.0.0.1"), {.client_id = "c"}));
  CHECK_FALSE(contains(broker.log(), "TLS handshake failed"));
  CHECK(contains(broker.log(), "its address is banned"));
  broker.ctl_ok({"banned", "del", "address", "127.0.0.1"});
  CHECK(admitted(secure, {.client_id = "c"}));
}

TEST_CASE("a client of a gateway passes the same check") {
  GatewayBroker broker;
  UdpClient device(udp_port_of(broker)), other(udp_port_of(broker));
  device.send("hello dev-1");
  CHECK(device.receive() == "ok hello");
  broker.ctl_ok({"banned", "add", "client", "dev-1"});
  CHECK(device.receive() == "bye");
  device.send("hello dev-1");
  CHECK(device.receive().starts_with("no"));
  other.send("hello dev-2");
  CHECK(other.receive() == "ok hello");
  broker.ctl_ok({"banned", "add", "address", "127.0.0.0/8"});
  CHECK(other.receive() == "bye");
  other.send("hello dev-3");
  CHECK(other.receive().starts_with("no"));
}

TEST_CASE("the list survives an orderly end and kill -9") {
  BrokerProcess broker;
  broker.ctl_ok({"banned", "add", "client", "one", "--reason", "first"});
  broker.ctl_ok({"banned", "add", "user", "two", "--for", "1h"});
  const std::string before = broker.ctl_ok({"banned", "list"});
  broker.kill();
  broker.start();
  CHECK(broker.ctl_ok({"banned", "list"}) == before);
  CHECK_FALSE(admitted(broker.endpoint(), {.client_id = "one"}));
  broker.ctl_ok({"banned", "del", "user", "two"});
  CHECK(broker.stop() == 0);
  broker.start();
  const std::string after = broker.ctl_ok({"banned", "list"});
  CHECK(contains(after, "value=one"));
  CHECK_FALSE(contains(after, "value=two"));
}

TEST_CASE("a ban ends by itself") {
  BrokerProcess broker;
  broker.ctl_ok({"banned", "add", "client", "c", "--for", "1s"});
  CHECK_FALSE(admitted(broker.endpoint(), {.client_id = "c"}));
  eventually([&] { return admitted(broker.endpoint(), {.client_id = "c"}); }, "the ban is over");
  CHECK(broker.ctl_ok({"banned", "list"}).empty());
}

TEST_CASE("a broken file: the good lines hold, the bad ones are named and kept aside") {
  BrokerProcess broker(
      {}, {.prepare = [](const std::filesystem::path& dir) {
        std::filesystem::create_directories(dir / "data");
        write_file(
            dir / "data/banned",
            "# head\nclient \"good\" until=never by=ctl at=2026-01-01T00:00:00Z reason=\"\"\n"
            "client \"bad\n");
      }});
  CHECK_FALSE(admitted(broker.endpoint(), {.client_id = "good"}));
  CHECK(admitted(broker.endpoint(), {.client_id = "bad"}));
  CHECK(contains(broker.log(), "banned:3: passed over"));
  CHECK(contains(read_file(broker.data_dir() / "banned.bad"), "client \"bad"));
}

TEST_CASE("a file that cannot be read at all: the broker does not start") {
  BrokerProcess broker;
  CHECK(broker.stop() == 0);
  std::filesystem::remove(broker.data_dir() / "banned");
  std::filesystem::create_directory(broker.data_dir() / "banned");
  const Outcome outcome = run(broker.command());
  CHECK(outcome.exit != 0);
  CHECK(contains(outcome.err, "it says who is banned"));
  std::filesystem::remove(broker.data_dir() / "banned");
  broker.start();
}

TEST_CASE("a hundred thousand bans") {
  BrokerProcess broker({}, {.prepare = [](const std::filesystem::path& dir) {
                         std::filesystem::create_directories(dir / "data");
                         std::ofstream out(dir / "data/banned");
                         for (int i = 0; i < 99'999; ++i)
                           out << "client \"client-" << i
                               << "\" until=never by=ctl at=2026-01-01T00:00:00Z reason=\"\"\n";
                       }});
  const auto ms = [](auto what) {
    const auto start = Clock::now();
    what();
    return std::chrono::duration_cast<Milliseconds>(Clock::now() - start).count();
  };
  CHECK_FALSE(admitted(broker.endpoint(), {.client_id = "client-77777"}));
  broker.connect("d", Version::v5).ping();
  const auto add = ms([&] { broker.ctl_ok({"banned", "add", "client", "last"}); });
  CHECK(broker.ctl({"banned", "add", "client", "one more"}).exit == 1);
  std::string list;
  const auto listed = ms([&] { list = broker.ctl_ok({"banned", "list"}); });
  CHECK(std::count(list.begin(), list.end(), '\n') == 100'000);
  CHECK(broker.stop() == 0);
  const auto restart = ms([&] { broker.start(); });
  MESSAGE("100000 bans: start in " << restart << " ms, one more and on the disk in " << add
                                   << " ms, listed in " << listed << " ms");
  CHECK_FALSE(admitted(broker.endpoint(), {.client_id = "last"}));
}

TEST_CASE("mosquitto_pub is told why") {
  BrokerProcess broker;
  broker.ctl_ok({"banned", "add", "client", "pub"});
  const std::vector<std::string> command = {
      "mosquitto_pub", "-V", "mqttv5", "-h", "127.0.0.1", "-p", std::to_string(broker.port()), "-i",
      "pub",           "-t", "t",      "-m", "x"};
  const Outcome refused = run(command);
  CHECK(refused.exit != 0);
  CHECK(contains(refused.err, "anned"));
  broker.ctl_ok({"banned", "del", "client", "pub"});
  CHECK(run(command).exit == 0);
}

TEST_CASE("paho is told when it has to go, and refused when it comes back") {
  BrokerProcess broker;
  const std::string script =
      "import sys, paho.mqtt.client as mqtt\n"
      "c = mqtt.Client('paho', protocol=mqtt.MQTTv5)\n"
      "def connected(client, data, flags, reason, properties):\n"
      "  print('connack', reason, flush=True)\n"
      "  if reason.value != 0: client.disconnect(); sys.exit(0)\n"
      "def gone(client, data, reason, properties=None): print('gone', reason, flush=True)\n"
      "c.on_connect, c.on_disconnect = connected, gone\n"
      "c.reconnect_delay_set(1, 1)\n"
      "c.connect('127.0.0.1', int(sys.argv[1]))\n"
      "c.loop_forever()\n";
  const Spawn spawn{{"/usr/bin/python3", "-c", script, std::to_string(broker.port())},
                    {},
                    broker.dir() / "out",
                    broker.dir() / "err",
                    {}};
  Process paho(spawn);
  const auto printed = [&](const std::string& what) {
    eventually([&] { return contains(read_file(broker.dir() / "out"), what); }, what);
  };
  printed("connack Success");
  broker.ctl_ok({"banned", "add", "client", "paho"});
  printed("gone");
  printed("connack Banned");
}

TEST_SUITE_END();

}  // namespace keel::test
