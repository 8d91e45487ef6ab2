// The settings: what is read, and every refusal with its cause.
#include "emqx_lwm2m/settings.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <keel/fake.hpp>
#include <keel/plugin.hpp>

#include "emqx_lwm2m/schema.hpp"

namespace {

using keel::concat;

// A plugin that reads its settings and nothing else.
class Reader final : public keel::Plugin {
 public:
  using Plugin::Plugin;
  static constexpr auto& settings = lwm2m::kSchema;
  inline static lwm2m::SettingsPtr read;
  inline static std::string directory;

  keel::Status start() override {
    directory = lwm2m::xml_directory(host().config());
    auto found =
        lwm2m::read_settings(host().config(), std::make_shared<const lwm2m::Definitions>());
    read = found ? *found : nullptr;
    return found.status();
  }
};

// Those of a file that must be accepted.
lwm2m::SettingsPtr settings(std::string_view text, const std::string& base = "/etc/keel") {
  keel::FakeHost host;
  host.base_dir = base;
  host.set_all(text);
  Reader::read = nullptr;
  const keel::Status loaded = host.load<Reader>();
  REQUIRE_MESSAGE(loaded, loaded.text());
  CHECK(host.misuse().empty());
  return std::exchange(Reader::read, nullptr);
}

// What config.fail() was told, or the kernel's own words.
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

std::string listeners(std::string_view text, const std::string& base = "/etc/keel") {
  const lwm2m::SettingsPtr read = settings(text, base);
  REQUIRE(read);
  std::string out;
  for (const lwm2m::ListenerSettings& each : read->listeners) {
    out += concat(each.name, '=', each.address, each.dtls ? " dtls, " : ", ");
  }
  return out;
}

// A configuration directory with the example's certificate in it.
class Base {
 public:
  Base() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lwm2m-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()));
    path = pattern;
    std::filesystem::create_directories(path + "/etc/certs");
    std::ofstream(path + "/etc/certs/cert.pem") << "whatever it is";
  }
  ~Base() { std::filesystem::remove_all(path); }
  std::string path;
};

constexpr const char* kPsk = "lwm2m.dtls.psk_file = /psk\n";

}  // namespace

TEST_CASE("the defaults") {
  const lwm2m::SettingsPtr s = settings("");
  REQUIRE(s);
  CHECK(Reader::directory == "/etc/keel/etc/lwm2m_xml");
  REQUIRE(s->listeners.size() == 1);
  CHECK(s->listeners[0].name == "lwm2m:udp");
  CHECK(s->listeners[0].key == "lwm2m.port");
  CHECK(s->listeners[0].address == "5683");
  CHECK(s->listeners[0].recv_buffer == 1024 * 1024);
  CHECK_FALSE(s->username);
  CHECK_FALSE(s->password);
  CHECK(s->topics.command == "lwm2m/%e/command");
  CHECK(s->topics.response == "lwm2m/%e/response");
  CHECK(s->topics.notify == "lwm2m/%e/up/notify");
  CHECK(s->topics.registered == "lwm2m/%e/up/resp");
  CHECK(s->topics.updated == "lwm2m/%e/up/resp");
  CHECK(s->topics.deregistered == "lwm2m/%e/up/resp");
  CHECK(s->topics.v3_command == "lwm2m/%e/dn/#");
  CHECK(s->topics.v3_response == "lwm2m/%e/up/resp");
  CHECK(s->topics.qos == 0);
  const lwm2m::GatewaySettings bare;
  CHECK(s->max_devices == bare.max_devices);
  CHECK(s->register_rate == bare.register_rate);
  CHECK(s->max_command_size == bare.max_command_size);
  CHECK(s->persist == bare.persist);
  CHECK(s->warnings.empty());
}

TEST_CASE("a machine without settings behaves as the file's defaults say") {
  const lwm2m::SettingsPtr s = settings("");
  REQUIRE(s);
  const lwm2m::DeviceSettings& read = *s->devices;
  const lwm2m::DeviceSettings bare;
  REQUIRE(read.definitions);
  CHECK(read.registration.lifetime_min_s == bare.registration.lifetime_min_s);
  CHECK(read.registration.lifetime_max_s == bare.registration.lifetime_max_s);
  CHECK(read.registration.clamp == bare.registration.clamp);
  CHECK(read.registration.strict == bare.registration.strict);
  CHECK(read.lifetime_grace_s == bare.lifetime_grace_s);
  CHECK(read.refresh_on_any == bare.refresh_on_any);
  CHECK(read.queue_window_ms == bare.queue_window_ms);
  CHECK(read.queue_max == bare.queue_max);
  CHECK(read.queue_max_octets == bare.queue_max_octets);
  CHECK(read.queue_ttl_s == bare.queue_ttl_s);
  CHECK(read.requeue_on_timeout == bare.requeue_on_timeout);
  CHECK(read.max_observations == bare.max_observations);
  CHECK(read.auto_observe == bare.auto_observe);
  CHECK(read.auto_observe_paths.empty());
  CHECK(read.observe_restore == bare.observe_restore);
  CHECK(read.publish_ack == bare.publish_ack);
  CHECK(read.offline_reply == bare.offline_reply);
  CHECK(read.update_reports == bare.update_reports);
  CHECK(read.reply.content_meta == bare.reply.content_meta);
  CHECK(read.reply.strict_xml_a == bare.reply.strict_xml_a);
  CHECK(read.command.answer_garbage == bare.command.answer_garbage);
  REQUIRE(read.coap);
  const coap::PeerSettings peer;
  CHECK(read.coap->ack_timeout_ms == peer.ack_timeout_ms);
  CHECK(read.coap->max_retransmit == peer.max_retransmit);
  CHECK(read.coap->nstart == peer.nstart);
  CHECK(read.coap->response_timeout_ms == peer.response_timeout_ms);
  CHECK(read.coap->block_timeout_ms == peer.block_timeout_ms);
  CHECK(read.coap->block_size == peer.block_size);
  CHECK(read.coap->max_body_size == peer.max_body_size);
  CHECK(read.coap->max_assembly == peer.max_assembly);
}

TEST_CASE("each key says what it is for") {
  const lwm2m::SettingsPtr s = settings(R"(
lwm2m.port = 127.0.0.1:15683
lwm2m.xml_dir = /var/objects
lwm2m.opts.recbuf = 2048KB
lwm2m.username = devices
lwm2m.password = abc
lwm2m.max_devices = 7
lwm2m.max_register_rate = 8
lwm2m.max_command_size = 1MB
lwm2m.persist = off
lwm2m.qos = 1
lwm2m.lifetime_min = 20s
lwm2m.lifetime_max = 1d
lwm2m.lifetime_policy = clamp
lwm2m.lifetime_grace = 0s
lwm2m.refresh_on_any = on
lwm2m.strict_registration = on
lwm2m.qmode_time_window = 93
lwm2m.queue_max = 9
lwm2m.queue_max_size = 1MB
lwm2m.queue_ttl = 10m
lwm2m.qmode_requeue_on_timeout = off
lwm2m.max_observations = 10
lwm2m.observe_restore = off
lwm2m.publish_ack = off
lwm2m.offline_reply = off
lwm2m.update_msg_publish_condition = contains_object_list
lwm2m.content_meta = on
lwm2m.strict_xml_schema_a = off
lwm2m.ack_timeout = 100ms
lwm2m.max_retransmit = 2
lwm2m.nstart = 2
lwm2m.response_timeout = 3s
lwm2m.block_timeout = 10s
lwm2m.block_size = 64
lwm2m.max_body_size = 16MB
)");
  REQUIRE(s);
  CHECK(Reader::directory == "/var/objects");
  CHECK(s->listeners[0].address == "127.0.0.1:15683");
  CHECK(s->listeners[0].recv_buffer == 2 * 1024 * 1024);
  CHECK(s->username == "devices");
  CHECK(s->password == "abc");
  CHECK(s->max_devices == 7);
  CHECK(s->register_rate == 8);
  CHECK(s->max_command_size == 1024 * 1024);
  CHECK_FALSE(s->persist);
  CHECK(s->topics.qos == 1);
  const lwm2m::DeviceSettings& d = *s->devices;
  CHECK(d.registration.lifetime_min_s == 20);
  CHECK(d.registration.lifetime_max_s == 86'400);
  CHECK(d.registration.clamp);
  CHECK(d.registration.strict);
  CHECK(d.lifetime_grace_s == 0);
  CHECK(d.refresh_on_any);
  CHECK(d.queue_window_ms == 93'000);
  CHECK(d.queue_max == 9);
  CHECK(d.queue_max_octets == 1024 * 1024);
  CHECK(d.queue_ttl_s == 600);
  CHECK_FALSE(d.requeue_on_timeout);
  CHECK(d.max_observations == 10);
  CHECK_FALSE(d.observe_restore);
  CHECK_FALSE(d.publish_ack);
  CHECK_FALSE(d.offline_reply);
  CHECK_FALSE(d.command.answer_garbage);
  CHECK(d.update_reports == lwm2m::UpdateReports::contains_object_list);
  CHECK(d.reply.content_meta);
  CHECK_FALSE(d.reply.strict_xml_a);
  CHECK(d.coap->ack_timeout_ms == 100);
  CHECK(d.coap->max_retransmit == 2);
  CHECK(d.coap->nstart == 2);
  CHECK(d.coap->response_timeout_ms == 3'000);
  CHECK(d.coap->block_timeout_ms == 10'000);
  CHECK(d.coap->block_size == 64);
  CHECK(d.coap->max_body_size == 16 * 1024 * 1024);
}

TEST_CASE("a small body bounds what is put together of requests, too") {
  CHECK(settings("lwm2m.max_body_size = 64KB")->devices->coap->max_assembly == 64 * 1024);
}

TEST_CASE("DTLS is at the port behind, with the documented files") {
  const Base base;
  CHECK(listeners("", base.path) == "lwm2m:udp=5683, lwm2m:dtls=5684 dtls, ");
  CHECK(listeners("lwm2m.port = 5783", base.path) == "lwm2m:udp=5783, lwm2m:dtls=5784 dtls, ");
  CHECK(listeners("lwm2m.port = 10.0.0.5:5683", base.path) ==
        "lwm2m:udp=10.0.0.5:5683, lwm2m:dtls=10.0.0.5:5684 dtls, ");
  CHECK(listeners("lwm2m.port = [::1]:5683", base.path) ==
        "lwm2m:udp=[::1]:5683, lwm2m:dtls=[::1]:5684 dtls, ");
  CHECK(listeners("lwm2m.port = 127.0.0.1:0", base.path) ==
        "lwm2m:udp=127.0.0.1:0, lwm2m:dtls=127.0.0.1:0 dtls, ");
  CHECK(listeners("lwm2m.port = 0", base.path) == "lwm2m:dtls=5684 dtls, ");
  CHECK(listeners("lwm2m.dtls.port = 0", base.path) == "lwm2m:udp=5683, ");
  CHECK(listeners("lwm2m.certfile = \"\"\nlwm2m.keyfile = \"\"", base.path) == "lwm2m:udp=5683, ");
  const lwm2m::SettingsPtr s = settings("", base.path);
  CHECK(s->notices.empty());
  CHECK(s->listeners[1].key == "lwm2m.port");
  CHECK(s->listeners[1].dtls->certfile == base.path + "/etc/certs/cert.pem");
  CHECK(s->listeners[1].dtls->keyfile == base.path + "/etc/certs/key.pem");
}

TEST_CASE("without the example's files there is no DTLS, and a notice says so") {
  const lwm2m::SettingsPtr s = settings("");
  CHECK(s->listeners.size() == 1);
  REQUIRE(s->notices.size() == 1);
  CHECK(s->notices[0] ==
        "lwm2m:dtls is not started, it has no certificate: there is no "
        "/etc/keel/etc/certs/cert.pem; set lwm2m.certfile and .keyfile, or lwm2m.dtls.psk_file");
  // With keys there is, and nothing to say.
  const lwm2m::SettingsPtr psk = settings(kPsk);
  CHECK(psk->notices.empty());
  REQUIRE(psk->listeners.size() == 2);
  CHECK(psk->listeners[1].dtls->certfile.empty());
  CHECK(psk->listeners[1].dtls->keyfile.empty());
  CHECK(psk->listeners[1].dtls->pskfile == "/psk");
}

TEST_CASE("files that somebody has named count, there or not") {
  CHECK(listeners("lwm2m.certfile = etc/own.pem\nlwm2m.keyfile = etc/own.key") ==
        "lwm2m:udp=5683, lwm2m:dtls=5684 dtls, ");
  const lwm2m::SettingsPtr s = settings(
      "lwm2m.dtls.certfile = a.pem\nlwm2m.dtls.keyfile = /b.key\nlwm2m.certfile = other\n"
      "lwm2m.keyfile = other\n");
  CHECK(s->listeners[1].dtls->certfile == "/etc/keel/a.pem");
  CHECK(s->listeners[1].dtls->keyfile == "/b.key");
}

TEST_CASE("addresses of EMQ X 4 stand in place of the port") {
  const Base base;
  CHECK(listeners("lwm2m.bind.udp.1 = 127.0.0.1:5683\nlwm2m.bind.udp.lab = [::1]:5683") ==
        "lwm2m:udp:1=127.0.0.1:5683, lwm2m:udp:lab=[::1]:5683, ");
  CHECK(listeners("lwm2m.bind.udp.1 = 127.0.0.1:5683\nlwm2m.bind.dtls.1 = 127.0.0.1:5684",
                  base.path) == "lwm2m:udp:1=127.0.0.1:5683, lwm2m:dtls:1=127.0.0.1:5684 dtls, ");
  CHECK(listeners("lwm2m.bind.udp.1 = 127.0.0.1:5683", base.path) ==
        "lwm2m:udp:1=127.0.0.1:5683, ");
  CHECK(listeners("lwm2m.bind.udp.1 = 127.0.0.1:5683\nlwm2m.dtls.port = 6000", base.path) ==
        "lwm2m:udp:1=127.0.0.1:5683, lwm2m:dtls=6000 dtls, ");
  CHECK(listeners("lwm2m.bind.dtls.1 = 127.0.0.1:6000", base.path) ==
        "lwm2m:udp=5683, lwm2m:dtls:1=127.0.0.1:6000 dtls, ");
  CHECK(settings("lwm2m.bind.udp.lab = 127.0.0.1:1")->listeners[0].key == "lwm2m.bind.udp.lab");
}

TEST_CASE("what DTLS is set up with") {
  const lwm2m::SettingsPtr s = settings(R"(
lwm2m.certfile = certs/cert.pem
lwm2m.keyfile = /keys/key.pem
lwm2m.dtls.port = 127.0.0.1:8884
lwm2m.dtls.key_password = pw
lwm2m.dtls.cacertfile = certs/ca.pem
lwm2m.dtls.verify = verify_peer
lwm2m.dtls.fail_if_no_peer_cert = true
lwm2m.dtls.psk_file = psk.txt
lwm2m.dtls.ciphers = ECDHE-ECDSA-AES128-CCM8, ECDHE-ECDSA-AES128-GCM-SHA256
lwm2m.dtls.psk_ciphers = PSK-AES128-CCM8,PSK-AES128-CBC-SHA256
lwm2m.dtls.session_timeout = 2h
lwm2m.dtls.max_sessions = 50
lwm2m.dtls.ep_match = cn
)");
  REQUIRE(s);
  REQUIRE(s->listeners.size() == 2);
  const lwm2m::ListenerSettings& listener = s->listeners[1];
  CHECK(listener.key == "lwm2m.dtls.port");
  REQUIRE(listener.dtls);
  CHECK(listener.dtls->match == lwm2m::EndpointMatch::cn);
  const keel::Tls tls = listener.dtls->tls();
  CHECK(tls.certfile == "/etc/keel/certs/cert.pem");
  CHECK(tls.keyfile == "/keys/key.pem");
  CHECK(tls.key_password == "pw");
  CHECK(tls.cafile == "/etc/keel/certs/ca.pem");
  CHECK(tls.pskfile == "/etc/keel/psk.txt");
  CHECK(tls.ciphers ==
        "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-GCM-SHA256:PSK-AES128-CCM8:"
        "PSK-AES128-CBC-SHA256");
  CHECK(tls.verify == keel::Verify::require);
  CHECK(tls.section.empty());
  const keel::UdpOptions secure = listener.options(&tls);
  CHECK(secure.address == "127.0.0.1:8884");
  CHECK(secure.per_shard);
  CHECK(secure.tls == &tls);
  CHECK(secure.max_sessions == 50);
  CHECK(secure.idle_timeout_s == 7200);
  const keel::UdpOptions plain = s->listeners[0].options(nullptr);
  CHECK(plain.address == "5683");
  CHECK(plain.per_shard);
  CHECK(plain.recv_buffer == 1024 * 1024);
  CHECK(plain.tls == nullptr);
}

TEST_CASE("a section of keel.conf in place of files, and identities by key") {
  const lwm2m::SettingsPtr section = settings(
      "lwm2m.dtls.tls = default\nlwm2m.dtls.verify = verify_peer\nlwm2m.dtls.ep_match = cn\n");
  CHECK(section->listeners[1].dtls->tls().section == "default");
  CHECK(section->listeners[1].dtls->tls().certfile.empty());
  CHECK(section->listeners[1].dtls->verify == keel::Verify::optional);
  const lwm2m::SettingsPtr psk = settings(concat(kPsk, "lwm2m.dtls.ep_match = psk_identity\n"));
  CHECK(psk->listeners[1].dtls->match == lwm2m::EndpointMatch::psk_identity);
  CHECK(psk->listeners[1].dtls->verify == keel::Verify::none);
  CHECK(psk->listeners[1].dtls->session_timeout_s == 86'400);
  CHECK(psk->listeners[1].dtls->max_sessions == 100'000);
}

TEST_CASE("a socket serves on while what it was bound with is the same") {
  const auto last = [](std::string_view text) { return settings(text)->listeners.back(); };
  CHECK(last("") == last("lwm2m.nstart = 2"));
  CHECK(last("") != last("lwm2m.port = 5783"));
  CHECK(last("") != last("lwm2m.opts.recbuf = 1KB"));
  CHECK(last(kPsk) == last(kPsk));
  CHECK(last(kPsk) != last(concat(kPsk, "lwm2m.dtls.ciphers = PSK-AES128-CCM8\n")));
  CHECK(last(kPsk) != last(concat(kPsk, "lwm2m.dtls.ep_match = psk_identity\n")));
}

TEST_CASE("topics of EMQ X 3, at full length or as ends behind the mountpoint") {
  const lwm2m::SettingsPtr ends = settings(R"(
lwm2m.mountpoint = lwm2m/%e/
lwm2m.topics.command = dn/#
lwm2m.topics.response = up/resp
lwm2m.topics.notify = up/notify
lwm2m.topics.register = up/resp
lwm2m.topics.update = up/resp
)");
  const lwm2m::SettingsPtr full = settings(R"(
lwm2m.topics.command = lwm2m/%e/dn/#
lwm2m.topics.response = lwm2m/%e/up/resp
lwm2m.topics.notify = lwm2m/%e/up/notify
lwm2m.topics.register = lwm2m/%e/up/resp
lwm2m.topics.update = lwm2m/%e/up/resp
)");
  REQUIRE(ends);
  REQUIRE(full);
  CHECK(ends->topics == full->topics);
  CHECK(ends->topics.command == "lwm2m/%e/dn/#");
  CHECK(ends->topics.response == "lwm2m/%e/up/resp");
  CHECK(ends->topics.v3_command.empty());  // it is the same
}

TEST_CASE("topics of EMQ X 5, and of one's own") {
  const lwm2m::TopicSettings topics = settings(R"(
lwm2m.mountpoint = lab/${endpoint_name}/
lwm2m.topics.command = dn/cmd/+
lwm2m.topics.response = up/resp/%a
lwm2m.topics.update = up/update
lwm2m.topics.deregister = gone
lwm2m.v3_topics = off
)")
                                          ->topics;
  CHECK(topics.command == "lab/%e/dn/cmd/+");
  CHECK(topics.response == "lab/%e/up/resp/%a");
  CHECK(topics.notify == "lab/%e/up/notify");
  CHECK(topics.updated == "lab/%e/up/update");
  CHECK(topics.deregistered == "lab/%e/gone");
  CHECK(topics.v3_command.empty());
  CHECK(topics.v3_response.empty());
  const lwm2m::TopicSettings bare = settings(R"(
lwm2m.mountpoint = ""
lwm2m.topics.command = %e/c
lwm2m.topics.response = %e/r
lwm2m.topics.notify = %e/n
lwm2m.topics.register = in/to/%e
lwm2m.topics.update = in/to/%e
lwm2m.topics.deregister = in/to/%e
lwm2m.v3_topics = off
)")
                                        ->topics;
  CHECK(bare.command == "%e/c");
  CHECK(bare.registered == "in/to/%e");
}

TEST_CASE("a command topic that meets dn/# takes its place") {
  for (const char* command : {"dn/#", "dn/cmd", "dn/+", "+/cmd", "dn"}) {
    CAPTURE(command);
    CHECK(settings(concat("lwm2m.topics.command = ", command))->topics.v3_command.empty());
  }
  CHECK(settings("lwm2m.topics.command = down/#")->topics.v3_command == "lwm2m/%e/dn/#");
}

TEST_CASE("what is observed unasked") {
  const auto observe = [](std::string_view value) {
    const auto s = settings(concat("lwm2m.auto_observe = ", value));
    std::string out = s->devices->auto_observe ? "on" : "off";
    for (const std::string& path : s->devices->auto_observe_paths) out += ' ' + path;
    return out;
  };
  CHECK(observe("off") == "off");
  CHECK(observe("false") == "off");
  CHECK(observe("\"\"") == "off");
  CHECK(observe("on") == "on");
  CHECK(observe("true") == "on");
  CHECK(observe("/3/0/9") == "on /3/0/9");
  CHECK(observe("\"/3/0/9, 3303,/1/0/\"") == "on /3/0/9 /3303 /1/0");
}

TEST_CASE("what has no effect is accepted, a load balancer with a warning") {
  const lwm2m::SettingsPtr s = settings(
      "lwm2m.lb = coaproxy\nlwm2m.opts.buffer = 1024KB\nlwm2m.opts.sndbuf = 1024KB\n"
      "lwm2m.opts.read_packets = 20\n");
  REQUIRE(s);
  REQUIRE(s->warnings.size() == 1);
  CHECK(s->warnings[0].starts_with("lwm2m.lb has no effect"));
}

TEST_CASE("what cannot work is refused, with the key, the cause and the remedy") {
  struct Case {
    const char* text;
    const char* refusal;
  };
  const Case cases[] = {
      {"lwm2m.port = 0",
       "lwm2m.port: there is nothing to listen on; set it, or give DTLS a certificate or keys"},
      {"lwm2m.port = unix:/tmp/x",
       "lwm2m.port: a datagram socket has no path; give a port or address:port"},
      {"lwm2m.bind.udp.1 = unix:/tmp/x",
       "lwm2m.bind.udp.1: a datagram socket has no path; give a port or address:port"},
      {"lwm2m.bind.udp.1 = 127.0.0.1:5\nlwm2m.bind.udp.2 = 127.0.0.1:5",
       "lwm2m.bind.udp.2: is the address of lwm2m.bind.udp.1, too; remove one of the two"},
      {"lwm2m.dtls.psk_file = /p\nlwm2m.dtls.port = 5683",
       "lwm2m.dtls.port: is the address of lwm2m.port, too; remove one of the two"},
      {"lwm2m.dtls.psk_file = /p\nlwm2m.port = 65535",
       "lwm2m.port: leaves no port behind it for DTLS; set lwm2m.dtls.port"},
      {"lwm2m.dtls.port = 5684",
       "lwm2m.dtls.port: DTLS needs lwm2m.certfile and .keyfile, or lwm2m.dtls.psk_file, or .tls"},
      {"lwm2m.bind.dtls.1 = 127.0.0.1:5684",
       "lwm2m.bind.dtls: DTLS needs lwm2m.certfile and .keyfile, or lwm2m.dtls.psk_file, or .tls"},
      {"lwm2m.certfile = /c\nlwm2m.keyfile = \"\"",
       "lwm2m.certfile: certfile and keyfile belong together; give both"},
      {"lwm2m.dtls.keyfile = /k\nlwm2m.certfile = \"\"",
       "lwm2m.dtls.keyfile: certfile and keyfile belong together; give both"},
      {"lwm2m.dtls.tls = default\nlwm2m.dtls.psk_file = /p",
       "lwm2m.dtls.psk_file: stands beside lwm2m.dtls.tls; give one of the two"},
      {"lwm2m.dtls.psk_file = /p\nlwm2m.dtls.verify = verify_peer",
       "lwm2m.dtls.verify: needs lwm2m.dtls.cacertfile, against which certificates are checked"},
      {"lwm2m.certfile = /c\nlwm2m.keyfile = /k\nlwm2m.dtls.psk_ciphers = PSK-AES128-CCM8",
       "lwm2m.dtls.psk_ciphers: needs lwm2m.dtls.psk_file; else nobody has a key for them"},
      {"lwm2m.certfile = /c\nlwm2m.keyfile = /k\nlwm2m.dtls.ep_match = psk_identity",
       "lwm2m.dtls.ep_match: \"psk_identity\" needs lwm2m.dtls.psk_file; else nobody has an "
       "identity"},
      {"lwm2m.certfile = /c\nlwm2m.keyfile = /k\nlwm2m.dtls.ep_match = cn",
       "lwm2m.dtls.ep_match: \"cn\" needs lwm2m.dtls.verify = \"verify_peer\"; else nobody is "
       "asked for a certificate"},
      {"lwm2m.password = x", "lwm2m.password: needs lwm2m.username, without which it is not sent"},
      {"lwm2m.lifetime_min = 2d",
       "lwm2m.lifetime_min: is longer than lwm2m.lifetime_max; make it shorter"},
      {"lwm2m.auto_observe = some",
       "lwm2m.auto_observe: 'some' is neither off, on nor a path such as /3/0/9"},
      {"lwm2m.auto_observe = /3,,/4",
       "lwm2m.auto_observe: '' is neither off, on nor a path such as /3/0/9"},
      {"lwm2m.auto_observe = /",
       "lwm2m.auto_observe: '/' is neither off, on nor a path such as /3/0/9"},
      {"lwm2m.auto_observe = /0/0",
       "lwm2m.auto_observe: '/0/0' is of the Security object, which no server may read; leave it "
       "out"},
      {"lwm2m.mountpoint = a/#/%e/",
       "lwm2m.mountpoint: has no wildcards and at most 4096 characters"},
      {"lwm2m.mountpoint = a/%c/%e/",
       "lwm2m.mountpoint: '%c' stands for nothing; there are %e, the endpoint name, and %a, the "
       "address"},
      {"lwm2m.topics.notify = up/${id}/x",
       "lwm2m.topics.notify: '${id}' stands for nothing; there is ${endpoint_name}"},
      {"lwm2m.topics.notify = up/%",
       "lwm2m.topics.notify: '%' stands for nothing; there are %e, the endpoint name, and %a, the "
       "address"},
      {"lwm2m.topics.response = \"\"", "lwm2m.topics.response: is empty; give a topic"},
      {"lwm2m.topics.command = \"\"", "lwm2m.topics.command: is empty; give a topic"},
      {"lwm2m.topics.command = dn/#/x",
       "lwm2m.topics.command: 'lwm2m/%e/dn/#/x' is no topic filter: + and # are levels of their "
       "own, # is the last"},
      {"lwm2m.topics.command = dn/a+",
       "lwm2m.topics.command: 'lwm2m/%e/dn/a+' is no topic filter: + and # are levels of their "
       "own, # is the last"},
      {"lwm2m.topics.command = lwm2m/all",
       "lwm2m.topics.command: 'lwm2m/all' does not tell whom a command is for; have %e in it once, "
       "as a level of its own"},
      {"lwm2m.topics.command = lwm2m/dev-%e/c",
       "lwm2m.topics.command: 'lwm2m/dev-%e/c' does not tell whom a command is for; have %e in it "
       "once, as a level of its own"},
      {"lwm2m.topics.command = c/%e",
       "lwm2m.topics.command: 'lwm2m/%e/c/%e' does not tell whom a command is for; have %e in it "
       "once, as a level of its own"},
      {"lwm2m.topics.command = %a/c",
       "lwm2m.topics.command: 'lwm2m/%e/%a/c' changes with a device's address; take %a out of it"},
      {"lwm2m.topics.response = r/#",
       "lwm2m.topics.response: 'lwm2m/%e/r/#' is published on and has no wildcards"},
      {"lwm2m.topics.update = lwm2m/updates",
       "lwm2m.topics.update: 'lwm2m/updates' does not tell whom it is of; have %e in it"},
      {"lwm2m.topics.response = command",
       "lwm2m.topics.response: 'lwm2m/%e/command' is where commands arrive (lwm2m.topics.command "
       "is 'lwm2m/%e/command'); choose another"},
      {"lwm2m.topics.command = #",
       "lwm2m.topics.response: 'lwm2m/%e/response' is where commands arrive "
       "(lwm2m.topics.command is 'lwm2m/%e/#'); choose another"},
      {"lwm2m.topics.register = dn/events",
       "lwm2m.topics.register: 'lwm2m/%e/dn/events' is where commands arrive; choose another, or "
       "switch lwm2m.v3_topics off"},
      {"lwm2m.topics.command = up/resp\nlwm2m.topics.register = a\nlwm2m.topics.update = a\n"
       "lwm2m.topics.deregister = a",
       "lwm2m.v3_topics: 'lwm2m/%e/up/resp' is where commands arrive (lwm2m.topics.command is "
       "'lwm2m/%e/up/resp'); choose another"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.text);
    CHECK(refusal(each.text) == each.refusal);
  }
}

TEST_CASE("numbers out of bounds are refused") {
  for (const char* text :
       {"lwm2m.lifetime_min = 0", "lwm2m.qos = 2", "lwm2m.block_size = 100", "lwm2m.block_size = 8",
        "lwm2m.max_body_size = 17MB", "lwm2m.nstart = 0", "lwm2m.max_devices = 0",
        "lwm2m.queue_max = 0", "lwm2m.update_msg_publish_condition = never",
        "lwm2m.lifetime_policy = ignore", "lwm2m.dtls.verify = maybe",
        "lwm2m.dtls.ep_match = san"}) {
    CAPTURE(text);
    CHECK(refusal(text).find("must be") != std::string::npos);
  }
}
