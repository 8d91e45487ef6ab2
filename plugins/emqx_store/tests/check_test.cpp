// Checking a store that is in use.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "emqx_store/engine/check.hpp"
#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/salvage.hpp"
#include "emqx_store/engine/store_files.hpp"
#include "emqx_store/tests/store_model.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::CheckReport;
using emqx_store::FileKind;

namespace {

namespace fs = std::filesystem;

const std::atomic<bool> kGoOn{false};

CheckReport check(Engine& engine) {
  CheckReport out;
  const Outcome checked = emqx_store::check_store(engine, kGoOn, out);
  REQUIRE_MESSAGE(static_cast<bool>(checked), checked.text());
  return out;
}

void flip(const fs::path& path, std::uintmax_t at) {
  std::fstream octets(path, std::ios::binary | std::ios::in | std::ios::out);
  octets.seekg(static_cast<std::streamoff>(at));
  const int octet = octets.get();
  octets.seekp(static_cast<std::streamoff>(at));
  octets.put(static_cast<char>(octet ^ 1));
}

fs::path last_of(const std::string& directory, FileKind kind) {
  std::vector<emqx_store::StoreFile> files;
  REQUIRE(emqx_store::list_files(*rocksdb::Env::Default(), directory, files));
  fs::path out;
  for (const auto& file : files) {
    if (file.kind == kind) out = directory + "/" + file.name;
  }
  REQUIRE_FALSE(out.empty());
  return out;
}

}  // namespace

TEST_CASE("a good store is found good, also while it is written to") {
  const Directory directory;
  StoreModel model(4);
  EngineOptions options = options_for(directory);
  options.memtable_bytes = 4 * 64 * 1024;
  const auto engine = open(options);
  for (int i = 0; i < 150; ++i) apply(*engine, model.next());
  std::atomic<bool> done{false};
  std::thread checking([&] {
    for (int i = 0; i < 5; ++i) {
      CheckReport report;
      CHECK(emqx_store::check_store(*engine, kGoOn, report));
      CHECK(report.damage.empty());
      CHECK(report.tables > 0);
      CHECK(report.logs >= 2);
      CHECK(report.rows_without_holders == 0);
      CHECK(report.holders_without_row == 0);
    }
    done = true;
  });
  for (int i = 0; i < 2000 && !done; ++i) apply(*engine, model.next());
  checking.join();
  CHECK(check(*engine).rows > state_of(*engine).size());
  CHECK_FALSE(fs::exists(directory.db() + "/EXAMINE"));
}

TEST_CASE("damage is found in tables, logs and the manifest, and looked into at the next start") {
  for (const FileKind kind : {FileKind::table, FileKind::log, FileKind::manifest}) {
    const Directory directory;
    EngineOptions options = options_for(directory);
    options.compaction = false;  // which may have read the file before, and replaces it
    auto engine = open(options);
    apply(*engine, Batch(1).put(1, "a", std::string(50'000, 'a')));
    REQUIRE(engine->flush());
    for (std::uint64_t i = 2; i < 20; ++i) apply(*engine, Batch(i).put(1, "b", "1"));
    REQUIRE(check(*engine).damage.empty());
    const fs::path path = last_of(directory.db(), kind);
    flip(path, fs::file_size(path) / 3);
    CAPTURE(path.filename().string());
    const CheckReport report = check(*engine);
    REQUIRE(report.damage.size() == 1);
    CHECK(report.damage[0].find(path.filename()) != std::string::npos);
    CHECK(fs::exists(directory.db() + "/EXAMINE"));
    engine.reset();
    emqx_store::SalvageReport salvage;
    const Outcome opened = emqx_store::open_store(options, {}, engine, salvage);
    REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
    CHECK(salvage.damaged);
    CHECK(check(*engine).damage.empty());
    CHECK_FALSE(fs::exists(directory.db() + "/EXAMINE"));
  }
}

TEST_CASE("holders without a row, and rows without holders, are counted") {
  const Directory directory;
  const auto engine = open(directory);
  Batch batch(1);
  for (const char* key : {"a", "b", "c", "d"}) batch.hold(7, key, "message", 2);
  apply(*engine, batch.put(3, "x", "y"));
  std::string key;
  REQUIRE(engine->db().Delete({}, std::string(emqx_store::row_key(key, 7, "b"))).ok());
  REQUIRE(engine->db().Delete({}, std::string(emqx_store::count_key(key, 7, "c"))).ok());
  REQUIRE(engine->db().Delete({}, std::string(emqx_store::count_key(key, 7, "d"))).ok());
  const CheckReport report = check(*engine);
  CHECK(report.holders_without_row == 1);
  CHECK(report.rows_without_holders == 2);
  CHECK(report.damage.empty());
}

TEST_CASE("a check that is cancelled ends") {
  const Directory directory;
  const auto engine = open(directory);
  const std::atomic<bool> cancelled{true};
  CheckReport report;
  CHECK(emqx_store::check_store(*engine, cancelled, report).text() == "cancelled");
}
