// The built plugin in a real broker.
#include <doctest/doctest.h>

#include <keel/test.hpp>
#include <string>

TEST_CASE("the command and the metric come and go with the plugin") {
  keel::KernelFixture kernel({.settings = "topic = \"demo/\"\n"});
  auto client = kernel.connect("client");
  client.publish("demo/a", "1", 1);
  client.publish("other", "2", 1);
  CHECK(kernel.ctl({"@NAME@", "show"}).output == "messages: 1\n");
  const std::string metrics = kernel.ctl({"metrics", "--prometheus"}).output;
  CHECK(metrics.find("@NAME@_messages_total") != std::string::npos);
  CHECK(kernel.ctl({"@NAME@", "reset"}).output == "messages: 0\n");
  CHECK(kernel.ctl({"@NAME@", "nonsense"}).exit == 2);

  REQUIRE(kernel.unload());
  CHECK_FALSE(kernel.maps_contains("@NAME@"));
  CHECK(kernel.ctl({"@NAME@", "show"}).exit != 0);
}
