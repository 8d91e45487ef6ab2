// A disk that is really full: a small tmpfs in a mount namespace of this process. Where that is not
// permitted the test is left out, and says so.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "emqx_store/engine/salvage.hpp"
#include "emqx_store/tests/store_model.hpp"

using namespace emqx_store_test;  // NOLINT

namespace {

namespace fs = std::filesystem;

class SmallDisk {
 public:
  explicit SmallDisk(const char* options) {
    mounted_ = ::unshare(CLONE_NEWNS) == 0 &&
               ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, options) == 0;
    if (!mounted_) MESSAGE("left out: no disk can be mounted here (", std::strerror(errno), ")");
  }
  ~SmallDisk() {
    if (mounted_) ::umount(directory_.path().c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  explicit operator bool() const { return mounted_; }
  const Directory& directory() const { return directory_; }

 private:
  Directory directory_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("a full disk refuses batches, keeps what was safe, and goes on once there is room") {
  const SmallDisk disk("size=12m");
  if (!disk) return;
  EngineOptions options = options_for(disk.directory());
  options.memtable_bytes = 4 * 256 * 1024;
  const std::string ballast = disk.directory().path() + "/ballast";
  std::unique_ptr<Engine> engine = open(options);
  StoreModel model(12);
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    {  // Somebody else takes all there is, but for a little.
      std::ofstream file(ballast, std::ios::binary);
      const auto space = fs::space(disk.directory().path());
      const std::uint64_t left = 30'000 + model.below(500'000);
      const std::string chunk(4096, 'b');
      for (std::uint64_t at = 0; at + left < space.available; at += chunk.size()) file << chunk;
    }
    std::vector<Batch> unsafe;
    std::uint64_t safe = engine->last_ticket();
    Outcome outcome;
    for (int i = 0; i < 3000 && outcome; ++i) {
      unsafe.clear();
      unsafe.push_back(model.next());
      const keel_store_batch c = unsafe.back().c();
      outcome = engine->apply({&c, 1});
      if (outcome) safe = engine->last_ticket();
    }
    REQUIRE_FALSE(outcome);
    CHECK_MESSAGE(outcome.fault() == Fault::no_space, outcome.text());
    CHECK(difference(state_of(*engine), model.state(safe)) == "");  // reading goes on
    fs::remove(ballast);
    engine.reset();
    emqx_store::SalvageReport report;
    outcome = emqx_store::open_store(options, {.repair = false, .restore = false}, engine, report);
    REQUIRE_MESSAGE(static_cast<bool>(outcome), outcome.text());
    CHECK(engine->last_ticket() >= safe);
    const keel_store_batch c = unsafe.back().c();
    REQUIRE(engine->apply({&c, 1}));
    CHECK(engine->last_ticket() + 1 == model.next_ticket());
    CHECK(difference(state_of(*engine), model.state(engine->last_ticket())) == "");
    REQUIRE(engine->compact());
  }
}
