// Devices that do anything, over a network that does anything. SN_MODEL_SEED and SN_MODEL_SECONDS
// in the environment choose other and longer runs.
#include "emqx_sn/tests/scripts.hpp"

using namespace sn_test;

TEST_CASE("what must hold whatever happens") {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker());
  std::vector<std::string> more;
  for (const auto& [variable, option] :
       {std::pair{"SN_MODEL_SEED", "--seed"}, std::pair{"SN_MODEL_SECONDS", "--seconds"}}) {
    if (const char* value = std::getenv(variable)) more.insert(more.end(), {option, value});
  }
  run(kernel, "model_run.py", more);
  CHECK(kernel.stop() == 0);
}
