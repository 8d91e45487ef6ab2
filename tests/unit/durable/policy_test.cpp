#include "kernel/durable/policy.hpp"

#include <doctest/doctest.h>

namespace keel::kernel {
namespace {

TEST_CASE("durability: a rule counts more than the listener, the listener more than the default") {
  DurabilitySettings settings;
  settings.policy = Durability::async;
  CHECK(durability_of(settings, "a", Durability::inherit) == Durability::async);
  CHECK(durability_of(settings, "a", Durability::none) == Durability::none);
  CHECK(durability_of(settings, "a", Durability::fsync) == Durability::fsync);

  settings.rules = {{"alarm/#", Durability::fsync},
                    {"+/debug", Durability::none},
                    {"alarm/low", Durability::none}};
  struct Case {
    const char* topic;
    Durability listener, expected;
  };
  for (const Case& c : {
           Case{"alarm/high", Durability::none, Durability::fsync},
           Case{"alarm", Durability::inherit, Durability::fsync},
           Case{"alarm/low", Durability::inherit, Durability::fsync},    // the first rule
           Case{"alarm/debug", Durability::inherit, Durability::fsync},  // the first rule
           Case{"pump/debug", Durability::fsync, Durability::none},
           Case{"pump/debug/x", Durability::fsync, Durability::fsync},
           Case{"$SYS/debug", Durability::inherit, Durability::async},  // not matched by +
           Case{"other", Durability::inherit, Durability::async},
           Case{"other", Durability::none, Durability::none},
       }) {
    CAPTURE(c.topic);
    CHECK(durability_of(settings, c.topic, c.listener) == c.expected);
  }
}

TEST_CASE("durability: as delivered, everything is on disk") {
  CHECK(durability_of({}, "a/b", Durability::inherit) == Durability::fsync);
}

}  // namespace
}  // namespace keel::kernel
