// Other people's clients: MQTT.js and a browser by ws and wss, Paho by ws. What is not installed is
// left out, with a message.
#include <doctest/doctest.h>

#include <keel/test.hpp>

namespace {

#ifdef KEEL_MQTTJS_DIR
constexpr const char* kScripts = KEEL_MQTTJS_DIR;
#else
constexpr const char* kScripts = "";
#endif

struct Outcome {
  int exit;
  std::string output;
};
Outcome run(const keel::KernelFixture& kernel, const std::vector<std::string>& command) {
  const std::string log = kernel.path("run.log");
  keel::test::write_file(log, "");
  keel::test::Process process(command, kernel.path(), log);
  const int exit = process.wait(120'000);
  return {exit, keel::test::read_file(log)};
}

bool can_run(const std::vector<std::string>& probe) {
  keel::test::TempDir dir;
  try {
    keel::test::Process process(probe, dir.path(), dir.path("log"));
    return process.wait(30'000) == 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}
bool has_mqttjs() {
  if (!*kScripts ||
      ::access(keel::concat(kScripts, "/node_modules/mqtt/dist/mqtt.min.js").c_str(), R_OK) != 0) {
    MESSAGE("left out: MQTT.js is not there; run npm ci in tests/system/clients/mqttjs");
    return false;
  }
  if (can_run({"node", "--version"})) return true;
  MESSAGE("left out: node is not installed");
  return false;
}
std::string script(std::string_view name) { return keel::concat(kScripts, '/', name); }

// Where a listener is, out of `ctl plugins show`.
std::string port_of(const keel::KernelFixture& kernel, std::string_view listener) {
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_ws"}).output;
  const std::string mark = keel::concat(listener, " at 127.0.0.1:");
  const std::size_t at = shown.find(mark);
  REQUIRE_MESSAGE(at != std::string::npos, shown);
  return shown.substr(at + mark.size(), shown.find(';', at) - at - mark.size());
}

constexpr const char* kPlain = "[listener.ws.test]\nbind = \"127.0.0.1:0\"\n";

}  // namespace

TEST_CASE("MQTT.js by ws, plain and compressed, every version") {
  if (!has_mqttjs()) return;
  for (const char* more : {"", "compress = true\n",
                           "compress = true\ndeflate_opts.server_context_takeover = \"takeover\"\n"
                           "deflate_opts.client_context_takeover = \"takeover\"\n"}) {
    CAPTURE(more);
    keel::KernelFixture kernel({.settings = keel::concat(kPlain, more)});
    const std::string url = keel::concat("ws://127.0.0.1:", port_of(kernel, "ws:test"), "/mqtt");
    for (const char* level : {"3", "4", "5"}) {
      const Outcome outcome = run(kernel, {"node", script("scenario.mjs"), url, level});
      CHECK_MESSAGE(outcome.exit == 0, "MQTT level ", level, ": ", outcome.output);
    }
    CHECK(kernel.unload());
  }
}

TEST_CASE("MQTT.js by wss, with files and with a section of keel.conf") {
  if (!has_mqttjs()) return;
  keel::test::TempDir dir;
  const std::string cert = dir.path("cert.pem"), key = dir.path("key.pem");
  if (!can_run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert, "-subj",
                "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"})) {
    MESSAGE("left out: openssl is not installed");
    return;
  }
  const std::string files = keel::concat("certfile = \"", cert, "\"\nkeyfile = \"", key, "\"\n");
  keel::KernelFixture kernel(
      {.settings = keel::concat("[listener.wss.files]\nbind = \"127.0.0.1:0\"\n", files,
                                "[listener.wss.section]\nbind = \"127.0.0.1:0\"\ntls = \"mine\"\n"),
       .kernel_settings = "[tls.mine]\n" + files});
  for (const char* listener : {"wss:files", "wss:section"}) {
    const std::string url = keel::concat("wss://127.0.0.1:", port_of(kernel, listener), "/mqtt");
    for (const char* level : {"3", "4", "5"}) {
      const Outcome outcome = run(kernel, {"node", script("scenario.mjs"), url, level, cert});
      CHECK_MESSAGE(outcome.exit == 0, listener, ", MQTT level ", level, ": ", outcome.output);
    }
  }
  CHECK(kernel.unload());
}

TEST_CASE("without a certificate the plain listener starts and a notice says so") {
  keel::KernelFixture kernel(
      {.settings = keel::concat(kPlain, "[listener.wss.test]\nbind = \"127.0.0.1:0\"\n")});
  CHECK(kernel.await_log("wss:test is not started, it has no certificate"));
  CHECK(!port_of(kernel, "ws:test").empty());
}

TEST_CASE("a page in a real browser: publishes, receives, stays through an upgrade, sees 1001") {
  if (!has_mqttjs()) return;
  if (!can_run({"chromium", "--version"})) {
    MESSAGE("left out: chromium is not installed");
    return;
  }
  keel::KernelFixture kernel({.settings = keel::concat(kPlain, "compress = true\n")});
  auto other = kernel.connect("other");
  CHECK(other.subscribe("page/said") == 0);
  const std::string log = kernel.path("browser.log");
  keel::test::write_file(log, "");
  keel::test::Process browser(
      {"node", script("browser.mjs"),
       keel::concat("ws://127.0.0.1:", port_of(kernel, "ws:test"), "/mqtt")},
      kernel.path(), log);
  const auto says = [&](std::string_view word) {
    const std::int64_t until = keel::test::now_ms() + 60'000;
    while (keel::test::read_file(log).find(keel::concat(word, '\n')) == std::string::npos) {
      if (keel::test::now_ms() > until || !browser.running()) return false;
      keel::test::pause_ms(20);
    }
    return true;
  };
  REQUIRE_MESSAGE(says("received its own"), keel::test::read_file(log));
  other.expect("page/said", "hello from a page");
  const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
  CHECK_MESSAGE(upgraded, upgraded.text());
  other.publish("page/hears", "after the upgrade", 1);
  CHECK_MESSAGE(says("received after the upgrade"), keel::test::read_file(log));
  CHECK(kernel.unload());
  CHECK(browser.wait(60'000) == 0);
  CHECK_MESSAGE(keel::test::read_file(log).find("closed 1001\n") != std::string::npos,
                keel::test::read_file(log));
}

TEST_CASE("Paho by ws") {
  if (!can_run({"/usr/bin/python3", "-c", "import paho.mqtt.client"})) {
    MESSAGE("left out: python3-paho-mqtt is not installed");
    return;
  }
  keel::KernelFixture kernel({.settings = kPlain});
  const Outcome outcome = run(kernel, {"/usr/bin/python3", "-c", R"(
import sys
import paho.mqtt.client as mqtt
client = mqtt.Client(client_id='paho', transport='websockets')
client.on_connect = lambda c, *_: c.subscribe('paho/#', 1)
client.on_subscribe = lambda c, *_: c.publish('paho/x', 'y' * 70000, 2)
client.on_message = lambda c, _, message: (c.disconnect(), sys.exit(0 if len(message.payload) == 70000 else 2))
client.connect('127.0.0.1', int(sys.argv[1]))
client.loop_forever()
sys.exit(1)
)",
                                       port_of(kernel, "ws:test")});
  CHECK_MESSAGE(outcome.exit == 0, outcome.output);
}
