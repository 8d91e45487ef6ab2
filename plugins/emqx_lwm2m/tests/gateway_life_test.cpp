// The gateway on FakeHost: loading, reloads, upgrades, unloading, the journal, the stand-in, DTLS.
#include "gateway_fixture.hpp"

using namespace gateway_test;

namespace {

const std::string kRead = R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})";

// The request that was heard, answered by the device.
std::string answered(Gateway& g, const std::string& heard, std::string_view from = kA) {
  const std::size_t number = heard.find('#'), token = heard.find(" t", number);
  if (number == heard.npos || token == heard.npos) return "no request: " + heard;
  const std::string id = heard.substr(number, token - number);
  return g.say(
      "ACK 2.05 " + id + heard.substr(token, heard.find(' ', token + 1) - token) + " ct=0 'EMQ",
      from);
}

Settings dtls(std::string match = "none") {
  return {{"lwm2m.dtls.psk_file", "/etc/psk"},
          {"lwm2m.dtls.port", "127.0.0.1:5684"},
          {"lwm2m.dtls.ep_match", std::move(match)}};
}
keel::FakeVerified psk(const std::string& identity) {
  return {.psk_identity = identity, .tls_version = "DTLSv1.2", .cipher = "PSK-AES128-CCM8"};
}

}  // namespace

TEST_CASE("an address that cannot be bound is an error that names it") {
  keel::FakeHost host;
  host.set("lwm2m.port", "127.0.0.1:5683");
  host.set("lwm2m.xml_dir", "/nowhere");
  host.fail_next("udp.bind", KEEL_E_IO);
  const keel::Status status = host.load(keel_plugin_entry_v1);
  CHECK_FALSE(status);
  CHECK(contains(status.text(), "lwm2m.port: 127.0.0.1:5683"));
}

TEST_CASE("a listener on all addresses answers from where the peer is known") {
  Gateway g(Settings{{"lwm2m.port", "0.0.0.0:5683"}});
  for (const std::string endpoint : {"c1", "c2"}) {
    const std::string location = g.join(endpoint);
    CHECK(location.size() == 10);
    CHECK(g.update(location) == "2.04");
    g.command(endpoint, kRead);
    answered(g, g.heard());
    CHECK(contains(g.published(endpoint), "EMQ"));
    g.say("CON DELETE #1 /rd /" + location);
  }
}

// ---- upgrade ----

TEST_CASE("a new version goes on where the old one was") {
  Gateway g;
  const std::string first = g.join("c1", kA), second = g.join("c2", kB);
  g.command("c1", kRead);
  const std::string request = g.heard();
  const keel_handle session = g.host.session("c1")->handle;
  g.published("c1");
  g.published("c2");
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.host.advance(200);
  CHECK(g.health().ends_with("2 devices"));
  CHECK(g.host.session("c1")->handle == session);
  CHECK(g.is_open("c2"));
  CHECK(g.published("c1").empty());
  CHECK(g.update(first, kA) == "2.04");
  CHECK(g.update(second, kB) == "2.04");
  for (const auto& pair : {std::pair(std::string("c1"), kA), {"c2", kB}}) {
    const std::string& endpoint = pair.first;
    CAPTURE(endpoint);
    g.heard();
    g.command(endpoint, kRead);
    g.host.advance(5'000);
    std::string heard = g.heard();
    heard = heard.substr(0, heard.find(';'));
    answered(g, heard, pair.second);
    CHECK(contains(g.published(endpoint), "EMQ"));
  }
  // Lifetimes go on.
  g.host.advance(62'000);
  CHECK(g.health().ends_with("0 devices"));
  CHECK_FALSE(g.is_open("c1"));
  CHECK(g.host.unload());
}

TEST_CASE("a copy of a message that comes after the upgrade is still one") {
  for (const auto& device : {std::pair(std::string("c1"), kA), {"c2", kB}}) {
    const auto& [name, from] = device;
    const std::string endpoint = name;
    CAPTURE(endpoint);
    Gateway g;
    const std::string said =
        "CON POST #7 xA1 /rd ?lwm2m=1.0 ?ep=" + endpoint + " ?lt=60 ct=40 '</1/0>";
    const std::string first = g.say(said, from);
    REQUIRE(contains(first, "2.01"));
    g.published(endpoint);
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    CHECK(g.say(said, from) == first);
    CHECK(g.published(endpoint).empty());
  }
}

TEST_CASE("who registers while a new version takes over is not refused, and comes again") {
  for (const std::string call : {"session.open", "session.subscribe"}) {
    CAPTURE(call);
    Gateway g;
    const std::string said = "CON POST #7 xA1 /rd ?lwm2m=1.0 ?ep=c1 ?lt=60 ct=40 '</1/0>";
    g.host.fail_next(call, KEEL_E_STATE);
    CHECK(g.say(said) == "");
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    CHECK(contains(g.say(said), "2.01"));
  }
}

TEST_CASE("a new version that cannot start leaves everything to the old one") {
  Gateway g;
  const std::string first = g.join("c1", kA), second = g.join("c2", kB);
  g.host.fail_next("udp.bind", KEEL_E_IO);
  CHECK_FALSE(g.host.upgrade(keel_plugin_entry_v1));
  CHECK(g.update(first, kA) == "2.04");
  CHECK(g.update(second, kB) == "2.04");
  CHECK(g.is_open("c1"));
  CHECK(g.host.unload());
}

TEST_CASE("a session that did not survive the upgrade is asked for again") {
  Gateway g;
  const std::string location = g.join("c1");
  g.host.fail_next("session.attach", KEEL_E_STALE);
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.host.advance(500);
  CHECK(g.is_open("c1"));
  CHECK(g.update(location) == "2.04");
  CHECK(contains(g.published("c1"), "\"update\""));
}

// ---- unload ----

TEST_CASE("unloading answers what waits, and closes everything") {
  Gateway g;
  g.join("c1", kA);
  g.join("c2", kB);
  for (const std::string endpoint : {"c1", "c2"}) {
    g.command(endpoint, kRead);
    g.command(endpoint, kRead);
    g.published(endpoint);
  }
  REQUIRE(g.host.unload());
  CHECK(g.host.drained);
  for (const std::string endpoint : {"c1", "c2"}) {
    const std::string said = g.published(endpoint);
    CHECK(contains(said, "\"reason\":\"shutdown\""));
    CHECK(said.find("shutdown") != said.rfind("shutdown"));
    CHECK_FALSE(contains(said, "deregister"));
    CHECK(g.host.session(endpoint)->closed);
  }
  CHECK_FALSE(g.host.session("emqx_lwm2m")->open);
}

TEST_CASE("unloading with very many devices") {
  Gateway g;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(g.join("d" + std::to_string(i), "10.0.0.1:" + std::to_string(1000 + i)).size() == 10);
  }
  CHECK(g.health().ends_with("1000 devices"));
  REQUIRE(g.host.unload());
  CHECK(g.host.drained);
  for (int i = 0; i < 1000; i += 99) CHECK(g.host.session("d" + std::to_string(i))->closed);
}

// ---- reload ----

TEST_CASE("a reload of topics moves the commands of devices that are there") {
  Gateway g;
  g.join("c2");
  REQUIRE(g.host.reload({{"lwm2m.mountpoint", "x/%e/"}}));
  g.host.advance(200);
  const auto& filters = g.host.session("c2")->subscriptions;
  CHECK(filters.size() == 2);
  CHECK(filters.contains("x/c2/command"));
  CHECK(filters.contains("x/c2/dn/#"));
  CHECK(g.host.session("emqx_lwm2m")->subscriptions.contains("x/+/command"));
  g.published("c2");
  g.host.deliver("c2", {"x/c2/command", kRead, 0});
  answered(g, g.heard());
  CHECK(g.published("c2").starts_with("x/c2/response {"));
}

TEST_CASE("a reload closes listeners and opens others; devices find their way") {
  Gateway g;
  const std::string first = g.join("c1", kA), second = g.join("c2", kB);
  REQUIRE(g.host.reload({{"lwm2m.port", "127.0.0.1:6000"}}));
  CHECK(g.host.udp_addresses() == std::vector<std::string>{"127.0.0.1:6000"});
  CHECK(g.health().ends_with("2 devices"));
  CHECK(g.update(first, kA) == "2.04");
  CHECK(g.update(second, kB) == "2.04");
  for (const auto& pair : {std::pair(std::string("c1"), kA), {"c2", kB}}) {
    g.command(pair.first, kRead);
    answered(g, g.heard(), pair.second);
    CHECK(contains(g.published(pair.first), "EMQ"));
  }
}

TEST_CASE("a reload that fails leaves all as it was") {
  Gateway g;
  const std::string location = g.join("c1");
  g.host.fail_next("udp.bind", KEEL_E_IO);
  CHECK_FALSE(g.host.reload({{"lwm2m.port", "127.0.0.1:6000"}}));
  CHECK(g.update(location) == "2.04");
}

// ---- the broker ends sessions ----

TEST_CASE("a device whose session is ended by the broker is not registered any more") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g;
    const std::string location = g.join(endpoint);
    g.command(endpoint, kRead);
    g.heard();
    g.published("emqx_lwm2m");
    g.host.session_end(endpoint, 0x98, "kicked");
    CHECK(g.health().ends_with("0 devices"));
    CHECK(g.update(location) == "4.04");
    // What it cannot say itself the stand-in says.
    const std::string said = g.published("emqx_lwm2m");
    CHECK(contains(said, "lwm2m/" + endpoint + "/response"));
    CHECK(contains(said, "not_registered"));
    CHECK(contains(said, "\"deregister\""));
    CHECK(g.join(endpoint).size() == 10);
  }
}

TEST_CASE("a broker that shuts down ends no registration") {
  Gateway g;
  const std::string location = g.join("c1");
  g.host.session_end("c1", 0x8b, "server shutting down");
  CHECK(g.health().ends_with("1 devices"));
  CHECK(g.update(location) == "2.04");
  g.host.advance(6'000);
  CHECK(g.is_open("c1"));
  CHECK(contains(g.published("c1"), "\"update\""));  // it had to wait
}

// ---- the stand-in ----

TEST_CASE("commands for nobody are answered") {
  Gateway g;
  const keel::fake::SessionPeer* const session = g.host.session("emqx_lwm2m");
  REQUIRE(session);
  CHECK(session->open);
  CHECK(session->username == "devices");
  CHECK(session->subscriptions.contains("lwm2m/+/command"));
  CHECK(session->subscriptions.contains("lwm2m/+/dn/#"));
  for (const std::string endpoint : {"c1", "c2"}) {
    g.host.deliver("emqx_lwm2m", {"lwm2m/" + endpoint + "/command", kRead, 1});
    const std::string said = g.published("emqx_lwm2m");
    CHECK(said.starts_with("lwm2m/" + endpoint + "/response {"));
    CHECK(contains(said, "\"reason\":\"not_registered\""));
    CHECK(contains(said, "\"reqID\":1"));
    g.host.deliver("emqx_lwm2m", {"lwm2m/" + endpoint + "/dn/a", kRead, 0});
    CHECK(g.published("emqx_lwm2m").starts_with("lwm2m/" + endpoint + "/up/resp {"));
    // Registered ones answer for themselves.
    const std::string location = g.join(endpoint);
    g.host.deliver("emqx_lwm2m", {"lwm2m/" + endpoint + "/command", kRead, 1});
    CHECK(g.published("emqx_lwm2m").empty());
    g.say("CON DELETE #1 /rd /" + location);
    g.host.deliver("emqx_lwm2m", {"lwm2m/" + endpoint + "/command", kRead, 1});
    CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
  }
  CHECK(g.host.session("emqx_lwm2m")->inflight.empty());
  CHECK(g.host.messages_held() == 0);
}

TEST_CASE("a reload leaves the stand-in where it is, unless it has to log in anew") {
  Gateway g;
  const int opened = g.host.calls("session.open");
  REQUIRE(g.host.reload({{"lwm2m.mountpoint", "fleet/%e/"}}));
  CHECK(g.host.calls("session.open") == opened);
  const auto* const session = g.host.session("emqx_lwm2m");
  CHECK(session->subscriptions.contains("fleet/+/command"));
  CHECK_FALSE(session->subscriptions.contains("lwm2m/+/command"));
  REQUIRE(g.host.reload({{"lwm2m.password", "another"}}));
  g.host.advance(6'000);
  CHECK(g.host.calls("session.open") == opened + 1);
}

TEST_CASE("what the stand-in does not answer") {
  Gateway g;
  keel::FakeMessage retained{"lwm2m/c1/command", kRead, 0};
  retained.retain = true;
  g.host.deliver("emqx_lwm2m", retained);
  g.host.deliver("emqx_lwm2m", {"lwm2m/c1/other", kRead, 0});
  CHECK(g.published("emqx_lwm2m").empty());
}

TEST_CASE("the stand-in is there all the time: over a reload, and an upgrade") {
  Gateway g;
  const keel_handle session = g.host.session("emqx_lwm2m")->handle;
  REQUIRE(g.host.reload({{"lwm2m.block_size", "256"}}));
  REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
  g.host.advance(200);
  CHECK(g.host.session("emqx_lwm2m")->handle == session);
  g.host.deliver("emqx_lwm2m", {"lwm2m/c2/command", kRead, 1});
  CHECK(contains(g.published("emqx_lwm2m"), "not_registered"));
  REQUIRE(g.host.reload({{"lwm2m.password", "another"}}));
  g.host.advance(6'000);
  CHECK(g.host.session("emqx_lwm2m")->handle != session);
  CHECK(g.is_open("emqx_lwm2m"));
}

TEST_CASE("a stand-in that is refused tries again, and says so once") {
  Gateway g(Settings{{"lwm2m.offline_reply", "false"}});
  CHECK(g.host.session("emqx_lwm2m") == nullptr);
  g.host.session_open = [](const auto& peer) {
    return peer.client_id == "emqx_lwm2m" ? std::uint8_t{0x87} : std::uint8_t{0};
  };
  REQUIRE(g.host.reload({{"lwm2m.offline_reply", "true"}}));
  g.host.advance(30'000);
  CHECK(g.host.calls("session.open") >= 5);
  int lines = 0;
  for (const keel::FakeLine& line : g.host.log()) lines += contains(line.text, "refused") ? 1 : 0;
  CHECK(lines == 1);
  g.host.session_open = [](const auto&) { return std::uint8_t{0}; };
  g.host.advance(6'000);
  CHECK(g.is_open("emqx_lwm2m"));
}

// ---- the journal ----

TEST_CASE("registrations survive the broker") {
  const Directory state;
  std::string first, second;
  {
    Gateway g({}, &state);
    first = g.join("c1", kA);
    second = g.join("c2", kB);
    const std::string third = g.join("c3", kC);
    g.say("CON DELETE #1 /rd /" + third, kC);
    g.command("c2", kRead);
    g.host.advance(200);
    g.host.run_jobs();
    // It is killed: nothing more is written.
  }
  Gateway g({}, &state);
  CHECK(g.health().ends_with("2 devices"));
  CHECK(g.is_open("c1"));
  CHECK(g.is_open("c2"));
  CHECK(g.host.session("c3") == nullptr);
  CHECK(g.published("c1").empty());
  CHECK(g.update(first, kA) == "2.04");
  CHECK(g.update(second, kB) == "2.04");
  g.host.advance(5'000);
  CHECK(contains(g.heard(), "40002: CON GET"));  // the command goes on
}

TEST_CASE("messages of restored devices are theirs wherever they arrive") {
  const Directory state;
  {
    Gateway g({}, &state);
    g.join("c1", kA);
    g.join("c2", kB);
    g.host.advance(200);
    g.host.run_jobs();
  }
  Gateway g({}, &state);
  // A ping is the device's: its machine answers, and a stranger's counter stays.
  CHECK(g.say("CON 0.00 #7", kB) == "40002: RST 0.00 #7");
  g.command("c2", kRead);
  answered(g, g.heard(), kB);
  CHECK(contains(g.published("c2"), "EMQ"));
}

TEST_CASE("what comes while the journal is read waits") {
  const Directory state;
  {
    Gateway g({}, &state);
    g.join("c2", kB);
    g.host.advance(200);
    g.host.run_jobs();
  }
  keel::FakeHost host;
  host.set("lwm2m.port", "127.0.0.1:5683");
  host.set("lwm2m.xml_dir", "/nowhere");
  host.state_dir = state.text();
  REQUIRE(host.load(keel_plugin_entry_v1));
  coap_test::Tokens tokens;
  host.datagram(coap_test::encode("CON POST #1 xA1 /rd ?ep=c1 ?lt=60 ct=40 '</1/0>", tokens));
  CHECK(host.datagrams_sent.empty());
  host.run_jobs();
  REQUIRE(host.datagrams_sent.size() == 1);
  CHECK(contains(coap_test::say(host.datagrams_sent[0].bytes, tokens), "2.01"));
  CHECK(host.health().second.ends_with("2 devices"));
}

TEST_CASE("a device whose lifetime ended while the broker was away") {
  const Directory state;
  {
    Gateway g({}, &state);
    g.join("c1");
    g.host.advance(200);
    g.host.run_jobs();
  }
  Gateway g({{"lwm2m.lifetime_grace", "0s"}}, &state);
  g.host.session("c1");
  g.host.wall_ms += 3'600'000;
  Gateway later({{"lwm2m.lifetime_grace", "0s"}}, &state);
  CHECK(later.health().ends_with("1 devices"));
  later.host.advance(70'000);
  CHECK(later.health().ends_with("0 devices"));
  CHECK(contains(later.published("c1"), "\"expired\""));
}

TEST_CASE("a restored device that the broker does not want any more") {
  const Directory state;
  std::string location;
  {
    Gateway g({}, &state);
    location = g.join("c1");
    g.host.advance(200);
    g.host.run_jobs();
  }
  keel::FakeHost host;
  host.set("lwm2m.port", "127.0.0.1:5683");
  host.set("lwm2m.xml_dir", "/nowhere");
  host.state_dir = state.text();
  host.session_open = [](const auto& peer) {
    return peer.client_id == "c1" ? std::uint8_t{0x8a} : std::uint8_t{0};
  };
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.run_jobs();
  host.advance(500);
  CHECK(host.health().second.ends_with("0 devices"));
  CHECK(host.session("emqx_lwm2m")->published.size() == 1);
}

TEST_CASE("a restored device that the broker does not want yet") {
  const Directory state;
  std::string location;
  {
    Gateway g({}, &state);
    location = g.join("c2");
    g.host.advance(200);
    g.host.run_jobs();
  }
  keel::FakeHost host;
  host.set("lwm2m.port", "127.0.0.1:5683");
  host.set("lwm2m.xml_dir", "/nowhere");
  host.state_dir = state.text();
  bool busy = true;
  host.session_open = [&](const auto&) { return busy ? std::uint8_t{0x89} : std::uint8_t{0}; };
  REQUIRE(host.load(keel_plugin_entry_v1));
  host.run_jobs();
  host.advance(20'000);
  CHECK(host.health().second.ends_with("1 devices"));
  busy = false;
  host.advance(6'000);
  CHECK(host.session("c2")->open);
}

TEST_CASE("other numbers of shards after a restart") {
  const Directory state;
  std::vector<std::string> locations;
  {
    Gateway g({}, &state);
    for (int i = 0; i < 8; ++i) {
      locations.push_back(g.join("d" + std::to_string(i), "10.0.0.1:" + std::to_string(1000 + i)));
    }
    g.host.advance(200);
    g.host.run_jobs();
  }
  Gateway g({}, &state, 3);
  CHECK(g.health().ends_with("8 devices"));
  for (int i = 0; i < 8; ++i) {
    const std::size_t n = static_cast<std::size_t>(i);
    CHECK(g.update(locations[n], "10.0.0.1:" + std::to_string(2000 + i)) == "2.04");
    CHECK(g.update(locations[n], "10.0.0.1:" + std::to_string(2000 + i)) == "2.04");
    const std::string endpoint = "d" + std::to_string(i);
    g.command(endpoint, kRead);
    answered(g, g.heard(), "10.0.0.1:" + std::to_string(2000 + i));
    CHECK(contains(g.published(endpoint), "EMQ"));
  }
}

TEST_CASE("an upgrade does not lose the journal") {
  const Directory state;
  std::string location;
  {
    Gateway g({}, &state);
    location = g.join("c2");
    g.join("c1");
    g.host.advance(200);
    g.host.run_jobs();
    REQUIRE(g.host.upgrade(keel_plugin_entry_v1));
    g.host.advance(200);
    g.host.run_jobs();
    CHECK(g.update(location) == "2.04");
    g.host.session_end("c1", 0x98, "kicked");
    g.host.advance(200);
    g.host.run_jobs();
  }
  Gateway g({}, &state);
  CHECK(g.health().ends_with("1 devices"));
  CHECK(g.update(location) == "2.04");
}

// ---- DTLS ----

TEST_CASE(
    "the identity that DTLS proves is the user name, and the endpoint's name if it has none") {
  Gateway g(dtls());
  g.to = "127.0.0.1:5684";
  CHECK(g.join("c1", kA, "", psk("dev1")).size() == 10);
  CHECK(g.host.session("c1")->username.empty());  // the broker takes the identity
  CHECK(g.host.session("c1")->listener_name == "emqx_lwm2m:dtls:5684");
  CHECK(contains(g.say("CON POST #1 xA1 /rd ?lwm2m=1.1 ?lt=60 ct=40 '</1/0>", kB, psk("dev2")),
                 "2.01"));
  CHECK(g.is_open("dev2"));
  CHECK(g.say("CON POST #2 xA1 /rd ?lwm2m=1.1 ?lt=60 ct=40 '</1/0>", kC) == "5: ACK 4.00 #2 xa1");
}

TEST_CASE("lwm2m.dtls.ep_match") {
  Gateway g(dtls("psk_identity"));
  g.to = "127.0.0.1:5684";
  CHECK(contains(g.join("c1", kA, "", psk("dev1")), "4.03"));
  CHECK(g.host.session("c1") == nullptr);
  CHECK(g.join("dev1", kA, "", psk("dev1")).size() == 10);
  g.to = "127.0.0.1:5683";
  CHECK(g.join("c1", kB).size() == 10);  // plain ones are not concerned
}

TEST_CASE("an endpoint that is bound to an identity is nobody else's") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g(dtls());
    g.to = "127.0.0.1:5684";
    const std::string location = g.join(endpoint, kA, "", psk("dev1"));
    CHECK(contains(g.join(endpoint, kB, "", psk("dev2")), "4.03"));
    CHECK(g.update(location, kB, psk("dev2")) == "4.04");
    g.to = "127.0.0.1:5683";
    CHECK(contains(g.join(endpoint, kC), "4.03"));
    CHECK(g.update(location, kC) == "4.04");
    g.to = "127.0.0.1:5684";
    CHECK(g.update(location, kA, psk("dev1")) == "2.04");
    CHECK(g.update(location, kB, psk("dev1")) == "2.04");  // a new association
    const std::string again = g.join(endpoint, kC, "", psk("dev1"));
    CHECK(again.size() == 10);
    CHECK(g.update(again, kC, psk("dev1")) == "2.04");
  }
}

TEST_CASE("another identity at the same address is a stranger") {
  for (const std::string endpoint : {"c1", "c2"}) {
    Gateway g(dtls());
    g.to = "127.0.0.1:5684";
    const std::string location = g.join(endpoint, kA, "", psk("dev1"));
    CHECK(g.say("CON 2.05 #9 xAA 'x", kA, psk("dev2")) == "40001: RST 0.00 #9");
    CHECK(g.update(location, kA, psk("dev2")) == "4.04");
    CHECK(g.update(location, kA, psk("dev1")) == "2.04");
  }
}
