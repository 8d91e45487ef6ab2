// Losses of power at any moment: whatever was reported as safe is there, and the store is as it was
// after one of its batches, never between two.
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "emqx_store/tests/fault_fs.hpp"
#include "emqx_store/tests/store_model.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::test::LostCacheFs;

namespace {

struct Machine {
  std::shared_ptr<LostCacheFs> fs = std::make_shared<LostCacheFs>(rocksdb::FileSystem::Default());
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
  Directory directory;

  EngineOptions options() const {
    EngineOptions out = options_for(directory);
    out.env = env.get();
    out.memtable_bytes = 4 * 64 * 1024;  // flushes and compactions all the time
    return out;
  }
};

// Groups of batches, applied at once; answers the last ticket that is safe.
std::uint64_t run(Engine& engine, StoreModel& model, std::uint64_t groups) {
  for (; groups != 0; --groups) {
    std::vector<Batch> batches;
    for (std::uint64_t n = 1 + model.below(6); n != 0; --n) batches.push_back(model.next());
    std::vector<keel_store_batch> c;
    for (const Batch& batch : batches) c.push_back(batch.c());
    const Outcome applied = engine.apply(c);
    REQUIRE_MESSAGE(static_cast<bool>(applied), applied.text());
    if (model.below(40) == 0) REQUIRE(engine.flush());
    if (model.below(200) == 0) REQUIRE(engine.compact());
  }
  return engine.last_ticket();
}

}  // namespace

TEST_CASE("a loss of power keeps all that was safe, and nothing by halves") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    const Machine machine;
    StoreModel model(seed);
    for (int life = 0; life < 12; ++life) {
      CAPTURE(life);
      auto engine = open(machine.options());
      const std::uint64_t found = engine->last_ticket();
      CHECK(found + 1 == model.next_ticket());
      CHECK(difference(state_of(*engine), model.state(found)) == "");
      const std::uint64_t safe = run(*engine, model, 20 + model.below(150));
      CHECK(safe + 1 == model.next_ticket());
      if (model.below(5) == 0) REQUIRE(engine->close());
      machine.fs->power_off();
      engine.reset();
      machine.fs->power_on();
    }
  }
}

TEST_CASE("what was written and not synced is lost, in order") {
  const Machine machine;
  StoreModel model(99);
  std::uint64_t safe = 0;
  int lost = 0;
  for (int life = 0; life < 20; ++life) {
    CAPTURE(life);
    EngineOptions options = machine.options();
    options.sync = false;
    auto engine = open(options);
    const std::uint64_t found = engine->last_ticket();
    CHECK(found >= safe);
    REQUIRE(model.has(found));
    lost += found + 1 < model.next_ticket() ? 1 : 0;
    CHECK(difference(state_of(*engine), model.state(found)) == "");
    model.back_to(found);
    run(*engine, model, 10 + model.below(30));
    if (model.below(2) == 0) {
      REQUIRE(engine->flush());
      safe = engine->last_ticket();
    }
    machine.fs->power_off();
    engine.reset();
    machine.fs->power_on();
  }
  CHECK(lost > 0);  // the file system does lose something
}

TEST_CASE("a loss of power while the store is made, or opened, does no harm") {
  const Machine machine;
  StoreModel model(5);
  for (int life = 0; life < 10; ++life) {
    CAPTURE(life);
    auto engine = open(machine.options());
    CHECK(difference(state_of(*engine), model.state(engine->last_ticket())) == "");
    if (life % 3 == 2) run(*engine, model, 1);
    machine.fs->power_off();
    engine.reset();
    machine.fs->power_on();
  }
}

TEST_CASE("a store that was killed is found as it was after its last batch") {
  const Directory directory, copy;
  StoreModel model(17);
  EngineOptions options = options_for(directory);
  options.memtable_bytes = 4 * 64 * 1024;
  for (int life = 0; life < 10; ++life) {
    CAPTURE(life);
    auto engine = open(options);
    CHECK(difference(state_of(*engine), model.state(engine->last_ticket())) == "");
    CHECK(engine->last_ticket() + 1 == model.next_ticket());
    run(*engine, model, 30 + model.below(60));
    // The files as the kill leaves them, while the engine still has them open.
    REQUIRE(
        engine->db().DisableFileDeletions().ok());  // or the copy would miss what goes meanwhile
    std::filesystem::remove_all(copy.db());
    std::filesystem::copy(directory.db(), copy.db());
    engine.reset();
    std::filesystem::remove_all(directory.db());
    std::filesystem::copy(copy.db(), directory.db());
  }
}
