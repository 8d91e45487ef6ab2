// metrics/1 from threads that the kernel does not know.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "net_host.hpp"

namespace keel::test {
namespace {

TEST_CASE("metrics: a thread of the plugin's own counts on while the plugin is unloaded") {
  NetHost host;
  const auto slot = host.plugin();
  keel_handle counter = 0;
  REQUIRE(tables::metrics.counter(slot->host(), "written_total", "help", "", &counter) == KEEL_OK);
  host.run(*slot);
  std::atomic<bool> ending{false}, stale{false};
  std::thread own([&] {
    while (!stale || !ending) {
      const keel_status status = tables::metrics.add(slot->host(), counter, 1);
      if (status != KEEL_OK) stale = true;
    }
  });
  host.unload(*slot);
  ending = true;
  own.join();  // as stop() does
  CHECK(stale);
}

}  // namespace
}  // namespace keel::test
