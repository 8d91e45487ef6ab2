// Other people's clients: what they say, byte for byte; npm packages; DTLS by openssl and libcoap.
#include "emqx_lwm2m/tests/scripts.hpp"

using namespace lwm2m_test;

TEST_CASE("exchanges as Wakaama, Anjay, Leshan, Zephyr and modems make them") {
  run_alone("peers_checks.py");
}

TEST_CASE("DTLS with keys and with certificates; coap-client") {
  if (!can_run({"openssl", "version"}, "openssl")) return;
  run_alone("dtls_checks.py");
}

TEST_CASE("the npm packages coap and coap-node") {
  if (!can_run({"node", "--version"}, "node")) return;
  const std::string packages =
      keel::concat(plugins_folder(), "/emqx_lwm2m/tests/npm/node_modules/coap-node/package.json");
  if (::access(packages.c_str(), R_OK) != 0) {
    MESSAGE("left out: run npm ci in plugins/emqx_lwm2m/tests/npm, as tools/test does");
    return;
  }
  run_alone("npm_checks.py");
}
