// Runs the scripts beside this file, which speak MQTT-SN in Python, against the real broker.
#pragma once

#include "gateway_tests/scripts.hpp"

namespace sn_test {

using namespace gateway_tests;

inline void run(const keel::KernelFixture& kernel, std::string_view script,
                const std::vector<std::string>& more = {}) {
  gateway_tests::run(kernel, "emqx_sn", script, more);
}

}  // namespace sn_test
