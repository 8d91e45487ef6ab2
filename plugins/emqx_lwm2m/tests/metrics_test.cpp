// The metrics and `ctl lwm2m stats` on a fake host.
#include "gateway_fixture.hpp"

using namespace gateway_test;

namespace {

struct Counting : Gateway {
  using Gateway::Gateway;
  double counted(const char* name) {
    host.advance(1000);
    return host.metric(name);
  }
};

}  // namespace

TEST_CASE("registrations of both shards are counted, once a second") {
  Counting g;
  CHECK(g.counted("lwm2m_registers_total") == 0);
  const std::string first = g.join("c1", kA);
  g.join("c2", kB);
  CHECK(g.host.metric("lwm2m_registers_total") == 0);
  CHECK(g.counted("lwm2m_registers_total") == 2);
  CHECK(g.host.metric("lwm2m_devices") == 2);
  CHECK(g.host.metric("lwm2m_newcomers") == 0);
  CHECK(g.update(first) == "2.04");
  CHECK(g.counted("lwm2m_updates_total") == 1);
  CHECK(g.counted("lwm2m_registers_total") == 2);
  g.say("CON DELETE #7 xAA /rd /" + first);
  CHECK(g.counted("lwm2m_deregisters_total") == 1);
  CHECK(g.host.metric("lwm2m_devices") == 1);
  g.host.advance(120'000);
  CHECK(g.counted("lwm2m_expired_total") == 1);
  CHECK(g.host.metric("lwm2m_devices") == 0);
}

TEST_CASE("commands are counted by how they end") {
  Counting g;
  g.join("c1");
  g.heard();
  g.command("c1", R"({"reqID":1,"msgType":"read","data":{"path":"/3/0/0"}})");
  const std::string heard = g.heard();
  const std::string id = heard.substr(heard.find('#'), heard.find(" t") - heard.find('#'));
  g.say("ACK 2.05 " + id + " t1 ct=0 'x");
  g.command("c1", R"({"reqID":1,"msgType":"read","data":{"path":"nonsense"}})");
  CHECK(g.counted("lwm2m_commands_total") == 2);
  CHECK(g.host.metric("lwm2m_commands_answered_total") == 1);
  CHECK(g.host.metric("lwm2m_commands_error_total") == 1);
}

TEST_CASE("datagrams of devices and of strangers are counted") {
  Counting g;
  const std::string location = g.join("c1");
  g.send("\x50", kB);
  g.say("CON GET #9 xAA /nowhere", kB);
  CHECK(g.counted("lwm2m_strangers_total") >= 1);
  CHECK(g.host.metric("lwm2m_strangers_answered_total") >= 1);
  CHECK(g.host.metric("lwm2m_coap_received_total") >= 1);
  CHECK(g.host.metric("lwm2m_coap_sent_total") >= 1);
}

TEST_CASE("what was counted is told by ctl, too, up to date") {
  Counting g;
  g.join("c1");
  const std::string text = g.host.ctl("lwm2m stats").output;
  CHECK(contains(text, "devices.registered              : 1\n"));
  CHECK(contains(text, "devices.registers               : 1\n"));
  CHECK(contains(text, "gateway.forward_dropped         : 0\n"));
  CHECK(contains(text, "lwm2m:udp.datagrams_in "));
  CHECK_FALSE(contains(text, "lwm2m:udp.handshakes"));
  const std::string json = g.host.ctl("lwm2m stats --json").output;
  CHECK(json.starts_with(R"({"devices":{"registered":1,)"));
  // Handed in by that, and not once more.
  CHECK(g.counted("lwm2m_registers_total") == 1);
}

TEST_CASE("DTLS handshakes are told where there is DTLS") {
  Counting g({{"lwm2m.dtls.port", "127.0.0.1:5684"}, {"lwm2m.dtls.psk_file", "/psk"}});
  CHECK(contains(g.host.ctl("lwm2m stats").output, "lwm2m:dtls.handshakes_failed"));
  CHECK(g.host.metric("lwm2m_dtls_sessions") >= 0);
  CHECK(g.host.metric("lwm2m_dtls_handshakes") >= 0);
  CHECK(g.host.metric("lwm2m_dtls_handshakes_failed") >= 0);
}
