// What other people's clients say, byte for byte; forwarders; and DTLS by openssl.
#include "emqx_sn/tests/scripts.hpp"

using namespace sn_test;

TEST_CASE("wills, forwarders, and exchanges as client libraries make them") {
  if (!has_paho()) return;
  const std::string acl = other_plugin("emqx_acl");
  if (acl.empty()) return;
  keel::KernelFixture kernel(broker({}, {acl}));
  keel::test::write_file(kernel.path("etc/acl.conf"),
                         "[[rule]]\npermit = \"deny\"\nall = true\naction = \"publish\"\n"
                         "topics = [\"secret/#\"]\n\n[[rule]]\npermit = \"allow\"\nall = true\n");
  const auto loaded = kernel.ctl({"plugins", "load", "emqx_acl"});
  REQUIRE_MESSAGE(loaded.exit == 0, loaded.output);
  run(kernel, "peers_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("DTLS with keys and with certificates") {
  if (!has_paho() || !can_run({"openssl", "version"}, "openssl")) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "dtls_checks.py");
  CHECK(kernel.stop() == 0);
}
