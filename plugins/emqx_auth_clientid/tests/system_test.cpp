// The built plugin in the real broker.
#include "user_store/tests/system.hpp"

using namespace user_store;

TEST_CASE("added, let in, changed, disconnected, unloaded") {
  keel::KernelFixture kernel(
      {.settings = "auth.client.argon2_memory = \"1MB\"\nauth.client.1.clientid = id\n"
                   "auth.client.1.password = passwd\n"});
  must(kernel, {"clientid", "add", "sensor-1", "secret"});
  CHECK(mosquitto(kernel, {"-i", "sensor-1", "-u", "any", "-P", "secret"}));
  CHECK(mosquitto(kernel, {"-i", "id", "-u", "any", "-P", "passwd"}));
  CHECK(!mosquitto(kernel, {"-i", "sensor-1", "-u", "any", "-P", "wrong"}));
  CHECK(!mosquitto(kernel, {"-i", "sensor-2", "-u", "any", "-P", "secret"}));

  auto sensor =
      kernel.connect_with({.client_id = "sensor-1", .username = "u", .password = "secret"});
  must(kernel, {"clientid", "del", "sensor-1"});
  CHECK(ends_soon(sensor));
  CHECK(kernel.ctl({"clientid", "list"}).output == "id\n");

  const keel::Status unloaded = kernel.unload();
  CHECK_MESSAGE(unloaded, unloaded.text());
  CHECK(!kernel.maps_contains("emqx_auth_clientid"));
  CHECK(kernel.stop() == 0);
}

TEST_CASE("the shipped settings are the defaults") {
  const std::string here = __FILE__;
  const std::string file = here.substr(0, here.rfind('/') + 1) + "../emqx_auth_clientid.conf";
  keel::KernelFixture kernel({.settings = keel::test::read_file(file)});
  check_settings_file(kernel, file);
}
