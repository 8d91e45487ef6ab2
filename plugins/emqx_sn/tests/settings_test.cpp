// The settings: what is read, and every refusal with its cause.
#include "emqx_sn/settings.hpp"

#include <doctest/doctest.h>

#include <keel/fake.hpp>

#include "emqx_sn/predefined.hpp"
#include "emqx_sn/schema.hpp"

namespace {

// A plugin that reads its settings and nothing else.
class Reader final : public keel::Plugin {
 public:
  using Plugin::Plugin;
  static constexpr auto& settings = sn::kSchema;
  inline static sn::SettingsPtr read;

  keel::Status start() override {
    auto found = sn::read_settings(host().config());
    read = found ? *found : nullptr;
    return found.status();
  }
};

// Null where they are refused.
sn::SettingsPtr settings(std::string_view text) {
  keel::FakeHost host;
  host.set_all(text);
  Reader::read = nullptr;
  const keel::Status loaded = host.load<Reader>();
  CHECK_MESSAGE(loaded, loaded.text());
  CHECK(host.misuse().empty());
  return std::exchange(Reader::read, nullptr);
}

// What config.fail() was told.
std::string refusal(std::string_view text) {
  keel::FakeHost host;
  host.set_all(text);
  const keel::Status loaded = host.load<Reader>();
  CHECK_FALSE(loaded);
  CHECK(host.misuse().empty());
  if (host.config_failures.empty()) return std::string(loaded.text());
  CHECK(host.config_failures.size() == 1);
  return host.config_failures[0];
}

std::string describe(const sn::GatewaySettings& settings) {
  std::string out;
  for (const sn::ListenerSettings& each : settings.listeners) {
    out += keel::concat(each.name, '=', each.address, each.dtls ? " dtls " : " ");
  }
  return out;
}

}  // namespace

TEST_CASE("the defaults") {
  const sn::SettingsPtr s = settings("");
  REQUIRE(s);
  CHECK(describe(*s) == "sn:default=1884 ");
  CHECK(s->listeners[0].key == "mqtt.sn.port");
  CHECK(s->listeners[0].recv_buffer == 1024 * 1024);
  CHECK(s->gateway_id == 1);
  CHECK_FALSE(s->username);
  CHECK_FALSE(s->password);
  CHECK_FALSE(s->qos_neg1);
  CHECK(s->forwarder);
  CHECK(s->rebind);
  CHECK(s->max_connections == 100'000);
  CHECK(s->connect_rate == 0);
  CHECK(s->discovery.period_s == 900);
  CHECK(s->discovery.broadcast);
  CHECK(s->discovery.instead.empty());
  CHECK_FALSE(s->discovery.multicast);

  // A machine without settings behaves as the file's defaults say.
  const sn::ClientSettings& read = *s->clients;
  const sn::ClientSettings bare;
  CHECK(read.retry_interval_ms == bare.retry_interval_ms);
  CHECK(read.max_retry == bare.max_retry);
  CHECK(read.wait_interval_ms == bare.wait_interval_ms);
  CHECK(read.idle_timeout_ms == bare.idle_timeout_ms);
  CHECK(read.max_packet_size == bare.max_packet_size);
  CHECK(read.await_rel_timeout_ms == bare.await_rel_timeout_ms);
  CHECK(read.max_inflight == bare.max_inflight);
  CHECK(read.max_awaiting_rel == bare.max_awaiting_rel);
  CHECK(read.max_topics == bare.max_topics);
  CHECK(read.resume_on_wakeup == bare.resume_on_wakeup);
  CHECK(read.lenient_topic_id == bare.lenient_topic_id);
  CHECK(read.subs_resume == bare.subs_resume);
  CHECK(read.session_expiry_s == bare.session_expiry_s);
  CHECK(read.mountpoint.empty());
  REQUIRE(read.predefined);
  CHECK(read.predefined->max_id() == 0);
}

TEST_CASE("each key says what it is for") {
  const sn::SettingsPtr s = settings(R"(
mqtt.sn.port = 127.0.0.1:1885
mqtt.sn.recv_buffer = 2MB
mqtt.sn.advertise_duration = 900
mqtt.sn.gateway_id = 255
mqtt.sn.broadcast = off
mqtt.sn.multicast = 224.0.1.187
mqtt.sn.username = mqtt_sn_user
mqtt.sn.password = abc
mqtt.sn.max_connections = 7
mqtt.sn.max_conn_rate = 8
mqtt.sn.mountpoint = sn/
mqtt.sn.session_expiry = 1h
mqtt.sn.enable_qos3 = on
mqtt.sn.forwarder = off
mqtt.sn.enable_stats = on
mqtt.sn.idle_timeout = 31s
mqtt.sn.retry_interval = 12s
mqtt.sn.max_retry = 5
mqtt.sn.wait_interval = 6m
mqtt.sn.await_rel_timeout = 61s
mqtt.sn.max_awaiting_rel = 9
mqtt.sn.max_inflight = 4
mqtt.sn.max_packet_size = 60
mqtt.sn.max_topics = 50
mqtt.sn.rebind = off
mqtt.sn.wakeup = strict
mqtt.sn.lenient_topic_id = on
mqtt.sn.subs_resume = on
)");
  REQUIRE(s);
  CHECK(describe(*s) == "sn:default=127.0.0.1:1885 ");
  CHECK(s->listeners[0].recv_buffer == 2 * 1024 * 1024);
  CHECK(s->discovery.period_s == 900);
  CHECK(s->gateway_id == 255);
  CHECK_FALSE(s->discovery.broadcast);
  REQUIRE(s->discovery.multicast);
  CHECK(s->discovery.multicast->text() == "224.0.1.187:0");
  CHECK(s->username == "mqtt_sn_user");
  CHECK(s->password == "abc");
  CHECK(s->max_connections == 7);
  CHECK(s->connect_rate == 8);
  CHECK(s->qos_neg1);
  CHECK_FALSE(s->forwarder);
  CHECK_FALSE(s->rebind);
  const sn::ClientSettings& c = *s->clients;
  CHECK(c.mountpoint == "sn/");
  CHECK(c.session_expiry_s == 3600);
  CHECK(c.idle_timeout_ms == 31'000);
  CHECK(c.retry_interval_ms == 12'000);
  CHECK(c.max_retry == 5);
  CHECK(c.wait_interval_ms == 360'000);
  CHECK(c.await_rel_timeout_ms == 61'000);
  CHECK(c.max_awaiting_rel == 9);
  CHECK(c.max_inflight == 4);
  CHECK(c.max_packet_size == 60);
  CHECK(c.max_topics == 50);
  CHECK_FALSE(c.resume_on_wakeup);
  CHECK(c.lenient_topic_id);
  CHECK(c.subs_resume);
}

TEST_CASE("the period of ADVERTISE is in seconds, or with a unit") {
  const auto period = [](const char* value) {
    return settings(keel::concat("mqtt.sn.advertise_duration = ", value))->discovery.period_s;
  };
  CHECK(period("900") == 900);
  CHECK(period("900s") == 900);
  CHECK(period("15m") == 900);
  CHECK(period("0") == 0);
  CHECK(period("65535") == 65'535);
  CHECK(refusal("mqtt.sn.advertise_duration = 65536").find("must be between") != std::string::npos);
}

TEST_CASE("further addresses, and DTLS") {
  const sn::SettingsPtr s = settings(R"(
mqtt.sn.listener.1 = 127.0.0.1:1885
mqtt.sn.listener.lab = [::1]:1884
mqtt.sn.dtls.port = 8884
mqtt.sn.dtls.certfile = certs/cert.pem
mqtt.sn.dtls.keyfile = /keys/key.pem
mqtt.sn.dtls.key_password = pw
mqtt.sn.dtls.cacertfile = certs/ca.pem
mqtt.sn.dtls.verify = verify_peer
mqtt.sn.dtls.fail_if_no_peer_cert = true
mqtt.sn.dtls.psk_file = psk.txt
mqtt.sn.dtls.psk_hint = hint
mqtt.sn.dtls.ciphers = PSK-AES128-CCM8
mqtt.sn.dtls.session_timeout = 2h
mqtt.sn.dtls.max_sessions = 50
mqtt.sn.dtls.peer_identity_as_username = cn
)");
  REQUIRE(s);
  CHECK(describe(*s) == "sn:default=1884 sn:1=127.0.0.1:1885 sn:lab=[::1]:1884 sn:dtls=8884 dtls ");
  CHECK(s->listeners[2].key == "mqtt.sn.listener.lab");
  REQUIRE(s->listeners[3].dtls);
  const sn::DtlsSettings& dtls = *s->listeners[3].dtls;
  CHECK(dtls.identity == sn::Identity::cn);
  const keel::Tls tls = dtls.tls();
  CHECK(tls.certfile == "/etc/keel/certs/cert.pem");
  CHECK(tls.keyfile == "/keys/key.pem");
  CHECK(tls.key_password == "pw");
  CHECK(tls.cafile == "/etc/keel/certs/ca.pem");
  CHECK(tls.pskfile == "/etc/keel/psk.txt");
  CHECK(tls.psk_hint == "hint");
  CHECK(tls.ciphers == "PSK-AES128-CCM8");
  CHECK(tls.verify == keel::Verify::require);
  CHECK(tls.section.empty());

  const keel::UdpOptions secure = s->listeners[3].options(&tls);
  CHECK(secure.address == "8884");
  CHECK(secure.per_shard);
  CHECK(secure.tls == &tls);
  CHECK(secure.max_sessions == 50);
  CHECK(secure.idle_timeout_s == 7200);
  CHECK_FALSE(secure.broadcast);
  const keel::UdpOptions plain = s->listeners[1].options(nullptr);
  CHECK(plain.address == "127.0.0.1:1885");
  CHECK(plain.per_shard);
  CHECK(plain.broadcast);
  CHECK(plain.recv_buffer == 1024 * 1024);
  CHECK(plain.tls == nullptr);
}

TEST_CASE("DTLS alone, with pre-shared keys or a section of keel.conf") {
  const sn::SettingsPtr psk = settings(
      "mqtt.sn.port = \"\"\nmqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.psk_file = /psk\n"
      "mqtt.sn.dtls.peer_identity_as_username = psk\n");
  REQUIRE(psk);
  CHECK(describe(*psk) == "sn:dtls=8884 dtls ");
  CHECK(psk->listeners[0].dtls->identity == sn::Identity::psk);
  CHECK(psk->listeners[0].dtls->verify == keel::Verify::none);
  CHECK(psk->listeners[0].dtls->session_timeout_s == 86'400);

  const sn::SettingsPtr section = settings(
      "mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.tls = default\nmqtt.sn.dtls.verify = verify_peer\n");
  REQUIRE(section);
  CHECK(section->listeners[1].dtls->tls().section == "default");
  CHECK(section->listeners[1].dtls->verify == keel::Verify::optional);
}

TEST_CASE("a socket serves on while what it was bound with is the same") {
  const auto first = [](const char* text) { return settings(text)->listeners[0]; };
  const char* const kDtls =
      "mqtt.sn.port = \"\"\nmqtt.sn.dtls.port = 1\nmqtt.sn.dtls.psk_file = /p\n";
  CHECK(first("") == first("mqtt.sn.gateway_id = 9"));
  CHECK(first("") != first("mqtt.sn.port = 1885"));
  CHECK(first("") != first("mqtt.sn.recv_buffer = 1KB"));
  CHECK(first(kDtls) == first(kDtls));
  CHECK(first(kDtls) != first(keel::concat(kDtls, "mqtt.sn.dtls.psk_hint = h\n").c_str()));
}

TEST_CASE("pre-defined topics of all and of one, .0 being none") {
  const sn::SettingsPtr s = settings(R"(
mqtt.sn.predefined.topic.0 = reserved
mqtt.sn.predefined.topic.1 = /predefined/topic/name/hello
mqtt.sn.predefined.topic.2 = /predefined/topic/name/nice
mqtt.sn.predefined.client.sensor-1.2 = own
mqtt.sn.predefined.client.mac.clientid = aa:bb.cc
mqtt.sn.predefined.client.mac.65534 = last
)");
  REQUIRE(s);
  const sn::Predefined& names = *s->clients->predefined;
  CHECK(names.name("", 0) == nullptr);
  CHECK(*names.name("x", 1) == "/predefined/topic/name/hello");
  CHECK(*names.name("x", 2) == "/predefined/topic/name/nice");
  CHECK(*names.name("sensor-1", 2) == "own");
  CHECK(*names.name("aa:bb.cc", 65'534) == "last");
  CHECK(names.name("mac", 65'534) == nullptr);
  CHECK(names.max_id() == 65'534);
}

TEST_CASE("where ADVERTISE goes to") {
  const sn::SettingsPtr s = settings(
      "mqtt.sn.broadcast_address = [\"10.0.0.255\", \"127.255.255.255\"]\n"
      "mqtt.sn.multicast = ff02::fd%2\n");
  REQUIRE(s);
  REQUIRE(s->discovery.instead.size() == 2);
  CHECK(s->discovery.instead[1].text() == "127.255.255.255:0");
  CHECK(s->discovery.multicast->text() == "[ff02::fd%2]:0");
}

TEST_CASE("what cannot work is refused, with the key, the cause and the remedy") {
  struct Case {
    const char* text;
    const char* refusal;
  };
  const Case cases[] = {
      {"mqtt.sn.port = \"\"",
       "mqtt.sn.port: there is nothing to listen on; set it, or mqtt.sn.dtls.port"},
      {"mqtt.sn.port = unix:/tmp/sn",
       "mqtt.sn.port: a datagram socket has no path; give a port or address:port"},
      {"mqtt.sn.listener.1 = unix:/tmp/sn",
       "mqtt.sn.listener.1: a datagram socket has no path; give a port or address:port"},
      {"mqtt.sn.port = 127.0.0.1:1884\nmqtt.sn.listener.1 = 127.0.0.1:1884",
       "mqtt.sn.listener.1: is the address of mqtt.sn.port, too; remove one of the two"},
      {"mqtt.sn.dtls.port = 1884\nmqtt.sn.dtls.psk_file = /p",
       "mqtt.sn.dtls.port: is the address of mqtt.sn.port, too; remove one of the two"},
      {"mqtt.sn.password = x",
       "mqtt.sn.password: needs mqtt.sn.username, without which it is not sent"},
      {"mqtt.sn.multicast = here",
       "mqtt.sn.multicast: 'here' is no multicast group; give \"224.0.1.187\" or \"ff02::fd%2\", "
       "the 2 being the interface's number"},
      {"mqtt.sn.multicast = 10.0.0.1",
       "mqtt.sn.multicast: '10.0.0.1' is no multicast group; give \"224.0.1.187\" or "
       "\"ff02::fd%2\", the 2 being the interface's number"},
      {"mqtt.sn.multicast = 224.0.1.187:1884",
       "mqtt.sn.multicast: '224.0.1.187:1884' is no multicast group; give \"224.0.1.187\" or "
       "\"ff02::fd%2\", the 2 being the interface's number"},
      {"mqtt.sn.broadcast_address = [\"::1\"]",
       "mqtt.sn.broadcast_address: '::1' is no IPv4 broadcast address; give \"10.0.0.255\""},
      {"mqtt.sn.broadcast_address = [\"224.0.0.1\"]",
       "mqtt.sn.broadcast_address: '224.0.0.1' is no IPv4 broadcast address; give \"10.0.0.255\""},
      {"mqtt.sn.mountpoint = a/#/",
       "mqtt.sn.mountpoint: has no wildcards and at most 4096 characters"},
      {"mqtt.sn.predefined.topic.65535 = a",
       "mqtt.sn.predefined.topic.65535: '65535' is no topic id from 1 to 65534"},
      {"mqtt.sn.predefined.topic.100000000 = a",
       "mqtt.sn.predefined.topic.100000000: '100000000' is no topic id from 1 to 65534"},
      {"mqtt.sn.predefined.topic.x1 = a",
       "mqtt.sn.predefined.topic.x1: 'x1' is no topic id from 1 to 65534"},
      {"mqtt.sn.predefined.topic.clientid = a",
       "mqtt.sn.predefined.topic.clientid: 'clientid' is no topic id from 1 to 65534"},
      {"mqtt.sn.predefined.topic.1 = a/+",
       "mqtt.sn.predefined.topic.1: a topic is not empty and has no wildcards"},
      {"mqtt.sn.predefined.topic.1 = \"\"",
       "mqtt.sn.predefined.topic.1: a topic is not empty and has no wildcards"},
      {"mqtt.sn.predefined.topic.1 = a\nmqtt.sn.predefined.topic.01 = b",
       "mqtt.sn.predefined.topic.01: the id 1 has another name already"},
      {"mqtt.sn.predefined.client.c.clientid = \"\"",
       "mqtt.sn.predefined.client.c.clientid: is empty; give the client id"},
      {"mqtt.sn.dtls.port = 8884",
       "mqtt.sn.dtls.port: DTLS needs mqtt.sn.dtls.certfile and .keyfile, or .psk_file, or .tls"},
      {"mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.certfile = /c",
       "mqtt.sn.dtls.certfile: certfile and keyfile belong together; give both"},
      {"mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.keyfile = /c",
       "mqtt.sn.dtls.keyfile: certfile and keyfile belong together; give both"},
      {"mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.tls = default\nmqtt.sn.dtls.psk_file = /p",
       "mqtt.sn.dtls.psk_file: stands beside mqtt.sn.dtls.tls; give one of the two"},
      {"mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.tls = default\nmqtt.sn.dtls.certfile = /p",
       "mqtt.sn.dtls.certfile: stands beside mqtt.sn.dtls.tls; give one of the two"},
      {"mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.psk_file = /p\nmqtt.sn.dtls.verify = verify_peer",
       "mqtt.sn.dtls.verify: needs mqtt.sn.dtls.cacertfile, against which certificates are "
       "checked"},
      {"mqtt.sn.dtls.port = 8884\nmqtt.sn.dtls.certfile = /c\nmqtt.sn.dtls.keyfile = /k\n"
       "mqtt.sn.dtls.peer_identity_as_username = cn",
       "mqtt.sn.dtls.peer_identity_as_username: \"cn\" needs mqtt.sn.dtls.verify = "
       "\"verify_peer\"; else nobody is asked for a certificate"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(refusal(each.text) == each.refusal);
  }
}
