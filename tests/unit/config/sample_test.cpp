// The shipped files and the settings table say the same.
#include "kernel/config/sample.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernel/config/kernel_schema.hpp"
#include "kernel/config/kernel_settings.hpp"

using namespace keel::kernel;

namespace {

std::string shipped(const char* path) {
  const auto root = std::filesystem::path(__FILE__).parent_path() / "../../..";
  std::ifstream file(root / path);
  REQUIRE_MESSAGE(file, path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Puts every commented key and section in force: "# key = value" and "# [name]".
std::string uncommented(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto key = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_", 2);
    const bool commented = line.starts_with("# ") && key != std::string::npos &&
                           (line[2] == '[' || (key > 2 && line.compare(key, 3, " = ") == 0));
    out += (commented ? line.substr(2) : line) + '\n';
  }
  return out;
}

}  // namespace

TEST_CASE("etc/keel.conf is what the table makes; keel_schema_doc conf writes it") {
  CHECK(shipped("etc/keel.conf") == sample_file());
}

TEST_CASE("keel.conf(5) is what the table makes; keel_schema_doc man writes it") {
  CHECK(shipped("tools/man/keel.conf.5") == manual_page());
}

TEST_CASE("the shipped file loads without a notice, safe and local") {
  const auto loaded = load_settings({.file = "etc/keel.conf", .text = shipped("etc/keel.conf")});
  REQUIRE_MESSAGE(loaded, loaded.error());
  CHECK(loaded->notices.empty());
  REQUIRE(loaded->settings.listeners.size() == 1);
  CHECK(loaded->settings.listeners[0].bind == "1883");
  CHECK(loaded->settings.kernel.default_address == "127.0.0.1");
  CHECK(loaded->settings.tls.count("default") == 1);
  Settings expected;
  expected.plugins.load = {"emqx_store"};
  listener_section(expected, "mqtt").bind = "1883";
  tls_section(expected, "default").certfile = "etc/certs/cert.pem";
  tls_section(expected, "default").keyfile = "etc/certs/key.pem";
  CHECK(diff_settings(loaded->settings, expected).empty());
}

TEST_CASE("every key stands in the shipped file with its default") {
  const auto text = uncommented(shipped("etc/keel.conf"));
  const auto loaded = load_settings({.file = "etc/keel.conf", .text = text});
  REQUIRE_MESSAGE(loaded, loaded.error());
  Settings expected;
  expected.plugins.load = {"emqx_store"};
  auto& mqtt = listener_section(expected, "mqtt");
  mqtt.bind = "1883";
  mqtt.allow_anonymous = true;  // what holds on loopback
  auto& mqtts = listener_section(expected, "mqtts");
  mqtts.bind = "8883";
  mqtts.tls = "default";
  auto& tls = tls_section(expected, "default");
  tls.certfile = "etc/certs/cert.pem";
  tls.keyfile = "etc/certs/key.pem";
  CHECK(diff_settings(loaded->settings, expected).empty());
  for (const auto& spec : kernel_schema().specs()) {
    const auto key = spec.key.substr(spec.key.rfind('.') + 1);
    CHECK_MESSAGE(text.find("\n" + key + " = ") != std::string::npos, spec.key);
  }
}

TEST_CASE("the table is well formed") {
  for (const auto& spec : kernel_schema().specs()) {
    CAPTURE(spec.key);
    CHECK_FALSE(spec.help.empty());
    CHECK(spec.help.find('\n') == std::string::npos);
    CHECK(spec.min <= spec.max);
    // A default must pass its own check, unless it is "nothing".
    if (spec.fallback == Value()) continue;
    if (spec.fallback == Value(std::string()) && !spec.may_be_empty) continue;
    const auto again = convert(spec, {spec.fallback, "", {}});
    if (spec.type != SettingType::duration) {
      REQUIRE(again);
      CHECK((*again == spec.fallback));
    }
  }
}
