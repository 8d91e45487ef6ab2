// The built plugin in the real broker, with a client of our own on the one side and paho on the
// other.
#include "emqx_sn/tests/scripts.hpp"

using namespace sn_test;

TEST_CASE("framing and discovery") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "framing_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("connecting") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "connect_checks.py");
  CHECK(kernel.stop() == 0);
}

// Access rules keep what is below secret/ from everybody but the TCP client that watches.
constexpr const char* kSecret = R"([[rule]]
permit = "allow"
client = "reader"

[[rule]]
permit = "deny"
all = true
topics = ["secret/#"]

[[rule]]
permit = "allow"
all = true
)";

TEST_CASE("registering and publishing, with access rules") {
  const std::string acl = other_plugin("emqx_acl");
  if (!has_paho() || acl.empty()) return;
  keel::KernelFixture kernel(broker({}, {acl}));
  keel::test::write_file(kernel.path("etc/acl.conf"), kSecret);
  const auto loaded = kernel.ctl({"plugins", "load", "emqx_acl"});
  REQUIRE_MESSAGE(loaded.exit == 0, loaded.output);
  run(kernel, "publish_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("subscribing") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "subscribe_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("reliable delivery") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "delivery_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("keep-alive and sleep") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker("[mqtt]\nqueue_qos0 = true\n"));
  run(kernel, "sleep_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("a broker that allows less") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(
      broker("[mqtt]\nwildcard_subscription = false\nretain_available = false\nmax_qos = 1\n"
             "[limits]\nmax_queued = 5\n"));
  run(kernel, "restricted_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("user name and password") {
  const std::string users = other_plugin("emqx_auth_username");
  if (!has_paho() || users.empty()) return;
  keel::KernelFixture kernel(broker({}, {users}));
  keel::test::write_file(kernel.path("etc/plugins/emqx_auth_username.conf"),
                         "auth.user.argon2_memory = \"1MB\"\nauth.user.argon2_passes = 1\n");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"plugins", "load", "emqx_auth_username"},
        {"users", "add", "sn", "secret"}}) {
    const auto done = kernel.ctl(words);
    REQUIRE_MESSAGE(done.exit == 0, done.output);
  }
  run(kernel, "credentials_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("reload, upgrade, unload and load") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "lifecycle_checks.py");
  CHECK(kernel.stop() == 0);
}

TEST_CASE("very many clients, and floods") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "many_checks.py");
  CHECK(kernel.stop() == 0);
}
