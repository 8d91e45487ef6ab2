// What must hold whatever happens. LWM2M_MODEL_SEED in the environment chooses another first seed.
#include "emqx_lwm2m/tests/device_model.hpp"

using namespace lwm2m_test;

TEST_CASE("any device over any network") {
  const char* const chosen = std::getenv("LWM2M_MODEL_SEED");
  const auto first = static_cast<std::uint32_t>(chosen ? std::atoi(chosen) : 1);
  for (std::uint32_t seed = first; seed < first + 60; ++seed) {
    CAPTURE(seed);
    Model(seed).run(300);
  }
}
