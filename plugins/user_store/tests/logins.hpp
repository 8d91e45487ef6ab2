// Logins under way while the plugin that judges them is replaced. For the system tests of all
// plugins that authenticate.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <keel/test.hpp>
#include <thread>

namespace user_store {

// Clients log in without end while the fixture's plugin is upgraded, unloaded and loaded again.
// `right` and `wrong` are one login each and answer CONNACK's code: no wrong one gets in, ever, and
// no right one is missed while the plugin is there, upgrades included.
inline void replace_while_clients_log_in(keel::KernelFixture& kernel,
                                         const std::function<int()>& right,
                                         const std::function<int()>& wrong) {
  std::atomic<bool> there{true};  // the plugin, from before a login begins until after it has ended
  std::atomic<int> in{0}, missed{0}, wrong_in{0};
  std::jthread logins([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const bool expected = there;
      const bool admitted = right() == 0;
      if (admitted) ++in;
      if (!admitted && expected && there) ++missed;
      if (wrong() == 0) ++wrong_in;
    }
  });
  const auto some_more = [&] {
    for (const int before = in; in < before + 3;) keel::test::pause_ms(1);
  };
  for (int i = 0; i < 5; ++i) {
    for (int k = 0; k < 3; ++k) {
      const keel::Status upgraded = kernel.upgrade(KEEL_TEST_PLUGIN);
      CHECK_MESSAGE(upgraded, upgraded.text());
    }
    some_more();
    there = false;
    const keel::Status unloaded = kernel.unload();
    CHECK_MESSAGE(unloaded, unloaded.text());
    CHECK(!kernel.maps_contains(kernel.plugin()));
    const keel::Status loaded = kernel.load();
    CHECK_MESSAGE(loaded, loaded.text());
    some_more();  // a login that began without it has ended
    there = true;
  }
  logins.request_stop();
  logins.join();
  CHECK(missed == 0);
  CHECK(wrong_in == 0);
  CHECK(kernel.stop() == 0);
}

}  // namespace user_store
