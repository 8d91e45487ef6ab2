// The built plugin in the real broker with a store, which is killed and started again.
#include "emqx_sn/tests/scripts.hpp"

using namespace sn_test;

TEST_CASE("a broker with a store that is killed or stopped") {
  if (!has_paho() || other_plugin("emqx_store").empty()) return;
  keel::KernelFixture kernel(broker());
  run(kernel, "restart_checks.py");
  CHECK(kernel.stop() == 0);
}
