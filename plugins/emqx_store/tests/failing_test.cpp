// Disks that refuse: at every single write once, now and then, and for good until there is room
// again. Nothing is reported that is not there afterwards, nothing comes out wrong, and the store
// goes on without a restart of the broker.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "emqx_store/engine/salvage.hpp"
#include "emqx_store/tests/fault_fs.hpp"
#include "emqx_store/tests/store_model.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::OpenPolicy;
using emqx_store::SalvageReport;
using emqx_store::test::FailingFs;
using emqx_store::test::LostCacheFs;

namespace {

using Error = FailingFs::Error;

// As the writer opens a store again while the broker counts on it.
constexpr OpenPolicy kAgain{.repair = false, .restore = false};

struct Machine {
  std::shared_ptr<LostCacheFs> cache =
      std::make_shared<LostCacheFs>(rocksdb::FileSystem::Default());
  std::shared_ptr<FailingFs> fs = std::make_shared<FailingFs>(cache);
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
  Directory directory;
  StoreModel model;
  std::unique_ptr<Engine> engine;
  std::uint64_t safe = 0;     // the last ticket that was reported
  std::vector<Batch> unsafe;  // not reported, as the writer keeps them

  explicit Machine(std::uint64_t seed) : model(seed) {}

  EngineOptions options() const {
    EngineOptions out = options_for(directory);
    out.env = env.get();
    out.memtable_bytes = 4 * 64 * 1024;
    return out;
  }
  // One try; checks what it finds.
  Outcome open_again() {
    engine.reset();
    SalvageReport report;
    Outcome opened = emqx_store::open_store(options(), kAgain, engine, report);
    if (!opened) return opened;
    CHECK_FALSE(report.damaged);
    const std::uint64_t found = engine->last_ticket();
    CHECK(found >= safe);
    REQUIRE(model.has(found));
    CHECK(difference(state_of(*engine), model.state(found)) == "");
    return {};
  }
  // One try to write what was not reported, and something new.
  Outcome apply_some() {
    for (std::uint64_t n = 1 + model.below(4); n != 0; --n) unsafe.push_back(model.next());
    return apply_unsafe();
  }
  Outcome apply_unsafe() {
    std::vector<keel_store_batch> c;
    for (const Batch& batch : unsafe) c.push_back(batch.c());
    Outcome applied = engine->apply(c);
    if (applied && model.below(20) == 0) engine->flush().ignore();
    if (applied) {
      safe = engine->last_ticket();
      unsafe.clear();
    }
    return applied;
  }
  void check_whole() {
    CHECK(safe + 1 == model.next_ticket());
    CHECK(difference(state_of(*engine), model.state(safe)) == "");
  }
};

}  // namespace

TEST_CASE("any single write fails, the store is opened again and goes on") {
  for (const Error error : {Error::no_space, Error::io}) {
    Machine machine(error == Error::io ? 21 : 22);
    REQUIRE(machine.open_again());
    for (std::uint64_t at = 1; at <= 120; ++at) {
      CAPTURE(at);
      machine.fs->fail_from(at, error);
      Outcome outcome;
      for (int i = 0; i < 200 && outcome; ++i) outcome = machine.apply_some();
      REQUIRE_FALSE(outcome);
      const auto expected = error == Error::io ? Fault::io : Fault::no_space;
      CHECK_MESSAGE(outcome.fault() == expected, outcome.text());
      machine.engine->apply({}).ignore();
      machine.fs->heal();
      outcome = machine.open_again();
      REQUIRE_MESSAGE(static_cast<bool>(outcome), outcome.text());
      outcome = machine.apply_unsafe();
      REQUIRE_MESSAGE(static_cast<bool>(outcome), outcome.text());
    }
    machine.check_whole();
  }
}

TEST_CASE("opening fails at any of its writes, and succeeds once there is room") {
  Machine machine(31);
  REQUIRE(machine.open_again());
  int failed = 0;
  for (std::uint64_t at = 1; at <= 80; ++at) {
    CAPTURE(at);
    REQUIRE(machine.apply_some());
    machine.engine.reset();  // as after a kill: there is a log to be replayed
    machine.fs->fail_from(at, at % 2 == 0 ? Error::no_space : Error::io);
    const Outcome opened = machine.open_again();
    failed += opened ? 0 : 1;
    machine.engine.reset();
    machine.fs->heal();
    REQUIRE(machine.open_again());
  }
  CHECK(failed > 10);
  machine.check_whole();
}

TEST_CASE("a store whose making fails at any write is made the next time") {
  for (std::uint64_t at = 1; at <= 30; ++at) {
    CAPTURE(at);
    Machine machine(40 + at);
    machine.fs->fail_from(at, Error::no_space);
    machine.open_again().ignore();
    machine.fs->heal();
    const Outcome opened = machine.open_again();
    REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
    REQUIRE(machine.apply_some());
    machine.check_whole();
  }
}

TEST_CASE("every Nth write fails, and every batch gets there in the end") {
  for (const std::uint32_t n : {60u, 97u, 211u}) {
    CAPTURE(n);
    Machine machine(n);
    machine.fs->fail_every(n, n % 2 == 0 ? Error::no_space : Error::io);
    for (int i = 0; i < 400; ++i) {
      if (machine.engine != nullptr && machine.apply_some()) continue;
      for (int tries = 0; !machine.open_again();) REQUIRE(++tries < 50);
    }
    machine.fs->heal();
    REQUIRE(machine.open_again());
    REQUIRE(machine.apply_unsafe());
    CHECK(machine.fs->failures() > 5);
    machine.check_whole();
  }
}

TEST_CASE("writes fail, and then the power does") {
  Machine machine(77);
  REQUIRE(machine.open_again());
  for (int life = 0; life < 40; ++life) {
    CAPTURE(life);
    machine.fs->fail_from(1 + machine.model.below(100),
                          life % 2 == 0 ? Error::no_space : Error::io);
    Outcome outcome;
    for (int i = 0; i < 100 && outcome; ++i) outcome = machine.apply_some();
    machine.cache->power_off();
    machine.engine.reset();
    machine.cache->power_on();
    machine.fs->heal();
    outcome = machine.open_again();
    REQUIRE_MESSAGE(static_cast<bool>(outcome), outcome.text());
    REQUIRE(machine.apply_unsafe());
  }
  machine.check_whole();
}
