// What the tests of the SDK share.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "keel/fake.hpp"

namespace keel::test {

// Counts how many copies of it are alive: put one into a lambda to see when the lambda goes.
class Tracked {
 public:
  explicit Tracked(int& alive) : alive_(&alive) { ++*alive_; }
  Tracked(const Tracked& other) : alive_(other.alive_) { ++*alive_; }
  Tracked& operator=(const Tracked&) = delete;
  ~Tracked() { --*alive_; }

 private:
  int* alive_;
};

// A plugin whose functions are those that the test puts here. One at a time.
struct Script {
  std::function<Status(Host&)> start = [](Host&) { return Status(); };
  std::function<void(Host&)> stop = [](Host&) {};
  std::function<void()> destroyed = [] {};
  Host* host = nullptr;  // while the plugin exists
};
inline Script* script = nullptr;

class Scripted final : public Plugin {
 public:
  explicit Scripted(Host& from) : Plugin(from) { script->host = &from; }
  ~Scripted() override {
    script->destroyed();
    script->host = nullptr;
  }
  Status start() override { return script->start(host()); }
  void stop() override { script->stop(host()); }
};

// A host with a Scripted plugin, which is unloaded at the end without having left or misused
// anything.
struct Fixture {
  explicit Fixture(std::uint32_t shards = 2) : fake(shards) { script = &plugin; }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() {
    if (fake.loaded()) CHECK(fake.unload());
    for (const std::string& text : fake.misuse()) FAIL_CHECK("misuse: " << text);
    CHECK(fake.handles() == 0);
    CHECK(alive == 0);
    script = nullptr;
  }
  void load(std::function<Status(Host&)> start = [](Host&) { return Status(); }) {
    plugin.start = std::move(start);
    const Status status = fake.load<Scripted>();
    INFO(status.text());
    REQUIRE(status);
  }
  Host& host() const { return *plugin.host; }
  Tracked tracked() { return Tracked(alive); }

  FakeHost fake;
  Script plugin;
  int alive = 0;  // lambdas with a Tracked in them
};

}  // namespace keel::test
