// What the system tests of both plugins need: programs beside the real broker.
#pragma once

#include <doctest/doctest.h>

#include <keel/test.hpp>

namespace user_store {

// Runs a program to its end; its exit code and what it printed.
inline keel::KernelFixture::Outcome run(const keel::KernelFixture& kernel,
                                        const std::vector<std::string>& command) {
  const std::string out = kernel.path("program.out");
  keel::test::write_file(out, "");
  keel::test::Process process(command, kernel.path(), out);
  const int exit = process.wait(60'000);
  return {exit, keel::test::read_file(out)};
}

// Whether mosquitto_pub gets in; `more`: its -u, -P, -i.
inline bool mosquitto(const keel::KernelFixture& kernel, const std::vector<std::string>& more) {
  std::vector<std::string> command{
      "mosquitto_pub", "-p", std::to_string(kernel.port()), "-q", "1", "-t", "a/b", "-m", "x"};
  command.insert(command.end(), more.begin(), more.end());
  const auto outcome = run(kernel, command);
  if (outcome.exit != 0) {
    CHECK_MESSAGE(outcome.output.find("bad user name or password") != std::string::npos,
                  outcome.output);
  }
  return outcome.exit == 0;
}

inline void must(const keel::KernelFixture& kernel, const std::vector<std::string>& words) {
  const auto outcome = kernel.ctl(words);
  REQUIRE_MESSAGE(outcome.exit == 0, outcome.output);
}

// The tool, as the fixture finds it.
inline std::string ctl_path() {
  const char* const value = std::getenv("KEEL_CTL");
  return value ? value : KEEL_TEST_CTL;
}

// `ctl <words>` with a line of standard input.
inline keel::KernelFixture::Outcome ctl_with_input(const keel::KernelFixture& kernel,
                                                   const std::string& input,
                                                   const std::string& words) {
  return run(kernel, {"/bin/sh", "-c",
                      keel::concat("printf '%s\\n' '", input, "' | ", ctl_path(), " --socket ",
                                   kernel.path("data/ctl.sock"), ' ', words)});
}

// The shipped settings file says what `ctl plugins describe` says: every key, and its default.
inline void check_settings_file(const keel::KernelFixture& kernel, const std::string& file) {
  const std::string text = "\n" + keel::test::read_file(file);
  const std::string described = kernel.ctl({"plugins", "describe", kernel.plugin()}).output;
  REQUIRE(text.size() > 1);
  std::size_t keys = 0;
  std::string key;
  for (std::string_view rest = described; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t dash = line.find(" - "), def = line.rfind("default ");
    if (!line.starts_with(' ') && dash != std::string_view::npos) key = line.substr(0, dash);
    if (!line.starts_with("    takes ")) continue;
    ++keys;
    CAPTURE(key);
    if (const std::size_t star = key.find('*'); star != std::string::npos) key[star] = '1';
    if (line.find("no default") != std::string_view::npos) {
      CHECK(text.find("\n# " + key + " = ") != std::string::npos);
    } else {
      const std::string_view value = line.substr(def + 8, line.find_first_of(";)", def) - def - 8);
      CHECK_MESSAGE(text.find(keel::concat('\n', key, " = ", value, '\n')) != std::string::npos,
                    value);
    }
  }
  CHECK(keys > 10);
}

// Whether the client's connection ends within a second.
inline bool ends_soon(keel::test::MqttClient& client) {
  const std::int64_t since = keel::test::now_ms();
  return client.closed_by_broker() && keel::test::now_ms() - since < 1000;
}

}  // namespace user_store
