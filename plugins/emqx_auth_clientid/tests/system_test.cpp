// The built plugin in the real broker.
#include "user_store/tests/system.hpp"

#include <atomic>
#include <thread>

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

TEST_CASE("upgraded, unloaded and loaded while clients log in") {
  keel::KernelFixture kernel(
      {.settings = "auth.client.argon2_memory = \"1MB\"\nauth.client.cache_size = 0\n",
       .kernel_settings = "[auth]\nmax_failures = 0\n"});
  must(kernel, {"clientid", "add", "sensor-1", "secret"});
  const auto login = [port = kernel.port()](const char* password) {
    keel::test::MqttClient client(port);
    return client.connect({.client_id = "sensor-1", .username = "u", .password = password});
  };
  std::atomic<int> in{0}, wrong_in{0};
  std::jthread logins([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (login("secret") == 0) ++in;
      if (login("wrong") == 0) ++wrong_in;
    }
  });
  for (int i = 0; i < 5; ++i) {
    const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
    CHECK_MESSAGE(upgraded, upgraded.text());
    const keel::Status unloaded = kernel.unload();
    CHECK_MESSAGE(unloaded, unloaded.text());
    CHECK(!kernel.maps_contains("emqx_auth_clientid"));
    const keel::Status loaded = kernel.load();
    CHECK_MESSAGE(loaded, loaded.text());
    const int before = in;
    while (in == before) keel::test::pause_ms(1);
  }
  logins.request_stop();
  logins.join();
  CHECK(wrong_in == 0);
  CHECK(kernel.stop() == 0);
}

TEST_CASE("the shipped settings are the defaults") {
  const std::string here = __FILE__;
  const std::string file = here.substr(0, here.rfind('/') + 1) + "../emqx_auth_clientid.conf";
  keel::KernelFixture kernel({.settings = keel::test::read_file(file)});
  check_settings_file(kernel, file);
}
