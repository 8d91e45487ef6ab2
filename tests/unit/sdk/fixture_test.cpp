// KernelFixture against the real broker, without a plugin. Skipped where there is no broker: the
// environment names it (KEEL_BROKER, KEEL_CTL), or it lies beside this test.
#include "keel/test.hpp"

#include <doctest/doctest.h>

using namespace keel;

namespace {

bool find_programs() {
  char self[4096] = "";
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self - 1);
  const std::string dir = n > 0 ? std::string(self, std::string_view(self).rfind('/')) : ".";
  for (const auto& [variable, name] : {std::pair{"KEEL_BROKER", "keel"}, {"KEEL_CTL", "ctl"}}) {
    if (!std::getenv(variable)) ::setenv(variable, concat(dir, '/', name).c_str(), 0);
    if (::access(std::getenv(variable), X_OK) != 0) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("the fixture runs a broker, and its client speaks MQTT") {
  if (!find_programs()) {
    MESSAGE("no broker beside this test: left out");
    return;
  }
  KernelFixture kernel({.kernel_settings = "[mqtt]\nmax_qos = 1\n"});
  CHECK(kernel.port() != 0);
  CHECK(kernel.running());
  CHECK(kernel.await_log("is running"));
  CHECK(kernel.maps_contains("/keel"));
  CHECK(!kernel.maps_contains("no_such_plugin"));
  CHECK(kernel.ctl({"listeners"}).output.find("mqtt:tcp") != std::string::npos);
  CHECK(kernel.ctl({"nonsense"}).exit != 0);

  auto reader = kernel.connect("reader");
  CHECK(reader.subscribe("a/#", 1) == 1);
  auto writer = kernel.connect("writer");
  writer.publish("a/b", "zero");
  writer.publish("a/b", "one", 1);
  reader.expect("a/b", "zero");
  const test::MqttClient::Message one = reader.receive();
  CHECK(one.payload == "one");
  CHECK(one.qos == 1);
  writer.publish("other", "x", 1);
  CHECK(reader.quiet());
  reader.unsubscribe("a/#");
  writer.publish("a/b", "unheard", 1);
  CHECK(reader.quiet());
  CHECK_THROWS(reader.receive(10));
  CHECK(kernel.ctl({"clients", "kick", "reader"}).exit == 0);
  CHECK(reader.closed_by_broker());
  writer.publish("kept", "still here", 1, true);

  kernel.restart();
  auto again = kernel.connect_with({.client_id = "again", .keep_alive_s = 60});
  again.ping();
  again.disconnect();
  CHECK(kernel.stop() == 0);
}

TEST_CASE("what cannot work is told") {
  CHECK_THROWS(test::Process({"/nonexistent/program"}, "/", "/dev/null"));
  CHECK_THROWS(test::MqttClient(1));
  CHECK_THROWS(test::write_file("/nonexistent/file", "x"));
  CHECK(test::stem("/a/b.c/d.so") == "d");
  CHECK(test::read_file("/nonexistent").empty());
}
