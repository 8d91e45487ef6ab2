// Devices that do anything, over a network that does anything. LWM2M_MODEL_SEED and
// LWM2M_MODEL_SECONDS in the environment choose other and longer runs.
#include "emqx_lwm2m/tests/scripts.hpp"

using namespace lwm2m_test;

TEST_CASE("what must hold whatever happens") {
  if (!has_paho()) return;
  keel::KernelFixture::Options options = broker();
  options.shards = 3;
  keel::KernelFixture kernel(std::move(options));
  std::vector<std::string> more;
  for (const auto& [variable, option] :
       {std::pair{"LWM2M_MODEL_SEED", "--seed"}, std::pair{"LWM2M_MODEL_SECONDS", "--seconds"}}) {
    if (const char* value = std::getenv(variable)) more.insert(more.end(), {option, value});
  }
  run(kernel, "model_run.py", more);
  CHECK(kernel.stop() == 0);
}
