// The built plugin in the real broker, with scripted devices on the one side and paho on the other.
#include "emqx_lwm2m/tests/scripts.hpp"

using namespace lwm2m_test;

// A firmware image is one message.
constexpr const char* kLarge = "[limits]\nmax_packet_size = \"16MB\"\n";

TEST_CASE("CoAP messages") { run_alone("framing_checks.py"); }
TEST_CASE("registering, updating, leaving") { run_alone("register_checks.py"); }
TEST_CASE("commands") { run_alone("command_checks.py"); }
TEST_CASE("commands as the documentation has them") { run_alone("dialect_checks.py"); }
TEST_CASE("formats of contents") { run_alone("format_checks.py"); }
TEST_CASE("observations") { run_alone("observe_checks.py"); }
TEST_CASE("blocks") { run_alone("block_checks.py", kLarge); }
TEST_CASE("sleep and silence") { run_alone("queue_checks.py"); }
TEST_CASE("object definitions") { run_alone("objects_checks.py"); }
TEST_CASE("firmware") { run_alone("firmware_checks.py", kLarge); }
TEST_CASE("reload, upgrade, unload and load") { run_alone("lifecycle_checks.py"); }
TEST_CASE("a broker that is killed or stopped") { run_alone("restart_checks.py"); }

TEST_CASE("very many devices, and floods") {
  run_alone("many_checks.py", "[limits]\nmax_queued = 0\nmax_queued_bytes = 0\n");
}

constexpr const char* kRules = R"([[rule]]
permit = "deny"
client = "forbidden"
action = "subscribe"

[[rule]]
permit = "deny"
client = "mute"
action = "publish"

[[rule]]
permit = "allow"
all = true
)";

TEST_CASE("user names, passwords and access rules") {
  const std::string users = other_plugin("emqx_auth_username"), acl = other_plugin("emqx_acl");
  if (!has_paho() || users.empty() || acl.empty()) return;
  keel::KernelFixture kernel(broker({}, {users, acl}));
  keel::test::write_file(kernel.path("etc/acl.conf"), kRules);
  keel::test::write_file(kernel.path("etc/plugins/emqx_auth_username.conf"),
                         "auth.user.argon2_memory = \"1MB\"\nauth.user.argon2_passes = 1\n");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"plugins", "load", "emqx_auth_username"},
        {"plugins", "load", "emqx_acl"},
        {"users", "add", "lwm2m", "secret"}}) {
    const auto done = kernel.ctl(words);
    REQUIRE_MESSAGE(done.exit == 0, done.output);
  }
  run(kernel, "credentials_checks.py");
  CHECK(kernel.stop() == 0);
}
