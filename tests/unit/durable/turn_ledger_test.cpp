#include "kernel/durable/turn_ledger.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <vector>

namespace keel::kernel {
namespace {

TEST_CASE("turn ledger: a turn that changed nothing is safe at once, and takes no number") {
  TurnLedger ledger;
  CHECK(ledger.current() == 1);
  CHECK(ledger.safe() == 0);
  ledger.end_turn(0, 0);
  CHECK(ledger.current() == 1);
  CHECK(ledger.safe() == 0);
}

TEST_CASE("turn ledger: a turn waits for its batch") {
  TurnLedger ledger;
  ledger.end_turn(10, 0);
  CHECK(ledger.current() == 2);
  CHECK(ledger.safe() == 0);
  CHECK_FALSE(ledger.committed(9));
  CHECK(ledger.committed(10));
  CHECK(ledger.safe() == 1);
  CHECK_FALSE(ledger.committed(11));
}

TEST_CASE("turn ledger: a report covers all tickets before it") {
  TurnLedger ledger;
  for (const std::uint64_t ticket : {3, 7, 8}) ledger.end_turn(ticket, 0);
  CHECK(ledger.committed(7));
  CHECK(ledger.safe() == 2);
  CHECK(ledger.committed(100));
  CHECK(ledger.safe() == 3);
}

TEST_CASE("turn ledger: a turn waits for its receipts, too") {
  TurnLedger ledger;
  ledger.end_turn(5, 2);
  CHECK_FALSE(ledger.received(1));
  CHECK_FALSE(ledger.committed(5));
  CHECK(ledger.received(1));
  CHECK(ledger.safe() == 1);

  ledger.end_turn(0, 1);
  CHECK(ledger.safe() == 1);
  CHECK(ledger.received(2));
  CHECK(ledger.safe() == 2);
}

TEST_CASE("turn ledger: turns become safe in their order") {
  TurnLedger ledger;
  ledger.end_turn(1, 1);
  ledger.end_turn(2, 0);
  ledger.end_turn(0, 1);
  CHECK_FALSE(ledger.committed(2));
  CHECK_FALSE(ledger.received(3));
  CHECK(ledger.safe() == 0);
  CHECK(ledger.received(1));
  CHECK(ledger.safe() == 3);
}

TEST_CASE("turn ledger: receipts for turns that do not wait change nothing") {
  TurnLedger ledger;
  CHECK_FALSE(ledger.received(1));
  ledger.end_turn(4, 1);
  CHECK_FALSE(ledger.received(0));
  CHECK_FALSE(ledger.received(2));
  CHECK_FALSE(ledger.received(1));
  CHECK_FALSE(ledger.received(1));  // once more than it waits for
  CHECK(ledger.committed(4));
  CHECK_FALSE(ledger.received(1));
}

TEST_CASE("turn ledger: as a list of turns would say, in any order of events") {
  struct Turn {
    std::uint64_t ticket;
    std::uint32_t receipts;
  };
  std::mt19937 random(11);
  TurnLedger ledger;
  std::map<std::uint64_t, Turn> open;
  std::vector<std::uint64_t> owed;  // receipts to come, by turn
  std::uint64_t ticket = 0, committed = 0;
  for (int i = 0; i < 20'000; ++i) {
    switch (random() % 3) {
      case 0: {
        const Turn turn{random() % 2 ? ++ticket : 0, static_cast<std::uint32_t>(random() % 3)};
        if (turn.ticket != 0 || turn.receipts != 0) open[ledger.current()] = turn;
        owed.insert(owed.end(), turn.receipts, ledger.current());
        ledger.end_turn(turn.ticket, turn.receipts);
        break;
      }
      case 1:
        committed += random() % (ticket - committed + 1);
        ledger.committed(committed);
        break;
      default:
        if (owed.empty()) break;
        std::swap(owed[random() % owed.size()], owed.back());
        --open[owed.back()].receipts;
        ledger.received(owed.back());
        owed.pop_back();
    }
    std::uint64_t safe = ledger.current() - 1;
    for (const auto& [number, turn] : open) {
      if (turn.ticket <= committed && turn.receipts == 0) continue;
      safe = number - 1;
      break;
    }
    open.erase(open.begin(), open.upper_bound(safe));
    REQUIRE(ledger.safe() == safe);
  }
}

}  // namespace
}  // namespace keel::kernel
