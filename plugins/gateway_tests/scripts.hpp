// Runs the Python scripts that plugins' tests consist of, which speak the protocol of devices,
// against the real broker. They load the built plugin themselves, with the settings that each check
// needs. Each check of a script is reported as one. For system tests.
#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <keel/test.hpp>
#include <string>
#include <utility>
#include <vector>

namespace gateway_tests {

// For one script. Most need a minute; a slow machine, with sanitizers and other tests beside, needs
// many.
constexpr int kPatienceMs = 1'200'000;

inline std::string folder_of(const std::string& file) { return file.substr(0, file.rfind('/')); }

inline std::string plugins_folder() { return folder_of(folder_of(__FILE__)); }

// A plugin built along with ours, or installed with the broker; empty: there is none.
inline std::string other_plugin(std::string_view name) {
  for (const std::string& folder :
       {folder_of(KEEL_TEST_PLUGIN),
        keel::concat(folder_of(KEEL_TEST_BROKER), "/../lib/keel/plugins")}) {
    std::string file = keel::concat(folder, '/', name, ".so");
    if (::access(file.c_str(), R_OK) == 0) return file;
  }
  MESSAGE("left out: the plugin ", std::string(name), " is not there");
  return {};
}

inline std::uint16_t free_udp_port() { return keel::test::free_port(SOCK_DGRAM); }

inline bool can_run(const std::vector<std::string>& probe, const char* what) {
  keel::test::TempDir dir;
  try {
    keel::test::Process process(probe, dir.path(), dir.path("log"));
    if (process.wait(30'000) == 0) return true;
  } catch (const std::runtime_error&) {
  }
  MESSAGE("left out: ", what, " is not installed");
  return false;
}
inline bool has_paho() {
  return can_run({"/usr/bin/python3", "-c", "import paho.mqtt.client"}, "python3-paho-mqtt");
}

inline keel::KernelFixture::Options broker(std::string kernel_settings = {},
                                           std::vector<std::string> available = {}) {
  return {.kernel_settings = std::move(kernel_settings),
          .available = std::move(available),
          .load = false};
}

// Runs a script of the plugin's tests to its end. At least one check must have passed, and none
// failed.
inline void run(const keel::KernelFixture& kernel, std::string_view plugin, std::string_view script,
                const std::vector<std::string>& more = {}) {
  const std::string out = kernel.path("script.out");
  keel::test::write_file(out, "");
  const std::string folder = plugins_folder();
  std::vector<std::string> words{"/usr/bin/env",
                                 keel::concat("PYTHONPATH=", folder, "/gateway_tests"),
                                 "/usr/bin/python3",
                                 "-B",
                                 keel::concat(folder, '/', plugin, "/tests/", script),
                                 "--port",
                                 std::to_string(kernel.port()),
                                 "--udp-port",
                                 std::to_string(free_udp_port()),
                                 "--pid",
                                 std::to_string(kernel.pid()),
                                 "--broker",
                                 KEEL_TEST_BROKER,
                                 "--ctl",
                                 KEEL_TEST_CTL,
                                 "--socket",
                                 kernel.path("data/ctl.sock"),
                                 "--conf",
                                 kernel.path(keel::concat("etc/plugins/", plugin, ".conf")),
                                 "--plugin",
                                 KEEL_TEST_PLUGIN,
                                 "--log",
                                 kernel.path("log"),
                                 "--dir",
                                 kernel.path()};
  words.insert(words.end(), more.begin(), more.end());
  keel::test::Process process(words, kernel.path(), out);
  const int exit = process.wait(kPatienceMs);
  const std::string said = keel::test::read_file(out);
  int passed = 0, failed = 0;
  for (std::size_t at = 0; at < said.size();) {
    const std::size_t end = std::min(said.find('\n', at), said.size());
    const std::string line = said.substr(at, end - at);
    if (line.starts_with("ok ")) ++passed;
    if (line.starts_with("# ")) MESSAGE(line);
    if (line.starts_with("FAIL ")) {  // and what was said and heard, up to the next check
      const std::size_t stop =
          std::min({said.find("\nok ", end), said.find("\nFAIL ", end), said.size()});
      ++failed;
      FAIL_CHECK(said.substr(at, stop - at));
    }
    at = end + 1;
  }
  if (failed == 0) CHECK_MESSAGE(exit == 0, said);
  CHECK(passed > 0);
  MESSAGE(passed, " checks of ", std::string(script), " passed");
}

}  // namespace gateway_tests
