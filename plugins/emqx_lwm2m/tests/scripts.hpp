// Runs the scripts beside this file, which are devices in Python, against the real broker.
#pragma once

#include "gateway_tests/scripts.hpp"

namespace lwm2m_test {

using namespace gateway_tests;

inline void run(const keel::KernelFixture& kernel, std::string_view script,
                const std::vector<std::string>& more = {}) {
  gateway_tests::run(kernel, "emqx_lwm2m", script, more);
}

// A script in a broker of its own.
inline void run_alone(std::string_view script, std::string kernel_settings = {}) {
  if (!has_paho()) return;
  keel::KernelFixture kernel(broker(std::move(kernel_settings)));
  run(kernel, script);
  CHECK(kernel.stop() == 0);
}

}  // namespace lwm2m_test
