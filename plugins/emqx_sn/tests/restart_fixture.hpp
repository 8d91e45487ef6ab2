// Runs of a broker with a gateway and a store that outlives them.
#pragma once

#include <algorithm>

#include "emqx_sn/kept.hpp"
#include "gateway_fixture.hpp"

namespace sn_test {

using Store = std::shared_ptr<keel::FakeKv>;

inline constexpr std::uint8_t kPersistent = 0x00, kClean = 0x04;

// A run of the broker.
struct Run : Gateway {
  explicit Run(Store store, const Settings& settings = {}, std::int64_t later_ms = 0)
      : Gateway(settings, [&](keel::FakeHost& of) {
          of.kv = std::move(store);
          of.session_present = true;
          of.wall_ms += later_ms;
        }) {}
  Run() : Run(std::make_shared<keel::FakeKv>()) {}

  // What the store has if the broker is killed now. That it runs on means nothing to the next run.
  Store kill() {
    host.advance(100);
    return std::make_shared<keel::FakeKv>(*host.kv);
  }
  // The broker's sessions end first.
  Store stop() {
    for (const char* const id : {"c1", "c2", "clean"}) host.session_end(id, 0x8b, "stopping");
    REQUIRE(host.unload(KEEL_DRAIN_STOP));
    return host.kv;
  }
  // c1, at home where its datagrams arrive, and c2, which is not: subscribed to "a/b" (0x0100),
  // with "a/c" (0x0101) registered.
  void connect_both() {
    for (const auto& [id, from] : {std::pair("c1", kA), {"c2", kB}}) {
      say(connect(id, kPersistent), from);
      CHECK(say(hex("08 12 20 00 05 61 2F 62"), from).ends_with("08 13 20 01 00 00 05 00"));
      CHECK(say(hex("09 0A 00 00 00 06 61 2F 63"), from).ends_with("07 0B 01 01 00 06 00"));
    }
  }
  void let_both_sleep() {
    connect_both();
    for (const auto& from : {kA, kB}) CHECK(say(hex("04 18 01 2C"), from).ends_with(": 02 18"));
  }
  bool has_record(const std::string& id) const { return host.kv->rows.contains(id); }
  int lines(std::uint32_t level, std::string_view part) {
    const auto& log = host.log();
    return static_cast<int>(std::count_if(log.begin(), log.end(), [&](const auto& line) {
      return line.level == level && line.text.find(part) != std::string::npos;
    }));
  }
  int writes() { return host.calls("kv.put") + host.calls("kv.erase"); }
  // How many writes come of what is said.
  int writes_of(std::string_view packet, std::string_view from = kA) {
    host.advance(100);
    const int before = writes();
    say(packet, from);
    host.advance(100);
    heard();
    return writes() - before;
  }
};

}  // namespace sn_test
