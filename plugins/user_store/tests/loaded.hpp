// The plugin under test on a fake host, with a directory of its own and cheap hashes.
#pragma once

#include <doctest/doctest.h>

#include <keel/fake.hpp>
#include <keel/test/process.hpp>

extern "C" const keel_plugin_entry keel_plugin_entry_v1;

namespace user_store {

class Loaded {
 public:
  // `prefix`: of its settings.
  explicit Loaded(std::string prefix,
                  std::vector<std::pair<std::string, std::string>> settings = {})
      : prefix_(std::move(prefix)) {
    host.state_dir = dir.path();
    set("argon2_memory", "1MB");
    set("argon2_passes", "1");
    for (const auto& [key, value] : settings) set(key, value);
    const keel::Status status = host.load(keel_plugin_entry_v1);
    REQUIRE_MESSAGE(status, status.text());
  }
  ~Loaded() {
    if (host.loaded()) CHECK(host.unload());
    CHECK(host.misuse().empty());
    CHECK(host.exceptions.empty());
  }
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;

  void set(const std::string& key, const std::string& value) {
    host.set(prefix_ + '.' + key, value);
  }
  // `ctl <words>`, with everything that it takes.
  keel::FakeOutput ctl(const std::vector<std::string>& words) {
    keel::FakeOutput out = host.ctl(words);
    if (out.exit != KEEL_EXIT_LATER) return out;
    host.run_jobs();
    return host.ctl_answer(out.reply);
  }
  void must(const std::vector<std::string>& words) {
    const keel::FakeOutput out = ctl(words);
    REQUIRE_MESSAGE(out.exit == KEEL_EXIT_OK, out.output);
  }
  // The answer to a login, waited for.
  keel::FakeAnswer login(const keel::FakeClient& client) {
    const keel::FakeAnswer asked = host.authenticate(client);
    if (asked.verdict != KEEL_PENDING) return asked;
    host.run_jobs();
    return host.answer(asked.ticket);
  }
  double checks(const std::string& result) {
    return host.metric("auth_checks_total", "result=\"" + result + "\"");
  }

  keel::test::TempDir dir;
  keel::FakeHost host;

 private:
  std::string prefix_;
};

}  // namespace user_store
