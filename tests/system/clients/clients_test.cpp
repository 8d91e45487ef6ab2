// Client libraries as users have them: each runs one scenario (publish and subscribe at every QoS,
// retained, will, persistent session) in each version, plain and over TLS. A client that is not
// there is a failure: tools/test installs them all.
#include <filesystem>

#include "tests/system/support/certificates.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

const std::string kSettings =
    "tls.test.certfile = \"${certs}/server.pem\"\n"
    "tls.test.keyfile = \"${certs}/server.key\"\n"
    "listener.secure.bind = \"127.0.0.1:${port:secure}\"\n"
    "listener.secure.tls = \"test\"\n";

void require_installed(const std::filesystem::path& file, const std::string& remedy) {
  if (!std::filesystem::exists(file)) FAIL(file.string() << " is missing; " << remedy);
}

// `command` gets port, protocol level and, for TLS, the CA file as its last arguments.
void run_scenario(const std::vector<std::string>& command) {
  BrokerProcess broker{kSettings};
  for (const std::string listener : {"mqtt", "secure"}) {
    for (const std::string level : {"3", "4", "5"}) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {std::to_string(broker.port(listener)), level});
      if (listener == "secure") arguments.push_back((certificates() / "ca.pem").string());
      const Outcome outcome = run(arguments, {}, Milliseconds{120'000});
      CHECK_MESSAGE(outcome.exit == 0, "MQTT level ", level, " on ", listener, ": ", outcome.out,
                    outcome.err);
    }
  }
}

const std::filesystem::path kClients = KEEL_CLIENTS_DIR;

}  // namespace

TEST_SUITE("paho_c") {
  TEST_CASE("Paho C") {
    require_installed(PAHO_SCENARIO,
                      "install libpaho-mqtt-dev and configure again, as tools/test does");
    run_scenario({PAHO_SCENARIO});
  }
}

TEST_SUITE("paho_python") {
  TEST_CASE("Paho Python") {
    const Outcome probe = run({"/usr/bin/python3", "-c", "import paho.mqtt.client"});
    REQUIRE_MESSAGE(probe.exit == 0, "install python3-paho-mqtt, as tools/test does");
    run_scenario({"/usr/bin/python3", (kClients / "paho_scenario.py").string()});
  }
}

TEST_SUITE("mqttjs") {
  TEST_CASE("MQTT.js") {
    require_installed(kClients / "mqttjs/node_modules/mqtt",
                      "run npm ci in tests/system/clients/mqttjs, as tools/test does");
    run_scenario({"node", (kClients / "mqttjs/scenario.mjs").string()});
  }
}

}  // namespace keel::test
