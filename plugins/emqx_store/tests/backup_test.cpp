// Backups while the store is in use, and their way back into its place.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "emqx_store/engine/backup.hpp"
#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/salvage.hpp"
#include "emqx_store/tests/fault_fs.hpp"
#include "emqx_store/tests/store_model.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::Backup;
using emqx_store::OpenPolicy;
using emqx_store::SalvageReport;
using emqx_store::test::FailingFs;

namespace {

namespace fs = std::filesystem;

const std::atomic<bool> kGoOn{false};

std::unique_ptr<Engine> open_for_good(const EngineOptions& options, SalvageReport& report) {
  std::unique_ptr<Engine> engine;
  const Outcome opened = emqx_store::open_store(options, {}, engine, report);
  REQUIRE_MESSAGE(static_cast<bool>(opened), opened.text());
  return engine;
}

Backup back_up(Engine& engine, const std::string& directory, std::uint32_t keep = 0) {
  Backup out;
  const Outcome made = emqx_store::back_up(engine, directory, keep, kGoOn, out);
  REQUIRE_MESSAGE(static_cast<bool>(made), made.text());
  return out;
}

Outcome restore(const EngineOptions& options, const std::string& directory, std::uint32_t id = 0) {
  Backup out;
  return emqx_store::prepare_restore(options, directory, id, kGoOn, out);
}

std::size_t folders(const std::string& directory, const std::string& prefix) {
  std::size_t out = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    out += entry.path().filename().string().starts_with(prefix) ? 1u : 0u;
  }
  return out;
}

// A store with a backup of ticket 2, whose own last ticket is 3.
struct Sample {
  Directory directory, other;
  EngineOptions options = options_for(directory);
  std::string backups = other.path() + "/backups";

  Sample() {
    const auto engine = open(options);
    apply(*engine, Batch(1).put(1, "a", "1"));
    apply(*engine, Batch(2).put(1, "b", "2"));
    CHECK(back_up(*engine, backups).ticket == 2);
    apply(*engine, Batch(3).put(1, "a", "new").erase(1, "b"));
    REQUIRE(engine->close());
  }
};

}  // namespace

TEST_CASE("a backup laid ready takes the store's place at the next opening for good") {
  Sample s;
  {
    const auto engine = open(s.options);  // in use meanwhile
    const Outcome prepared = restore(s.options, s.backups);
    REQUIRE_MESSAGE(static_cast<bool>(prepared), prepared.text());
    CHECK(all(*engine, 1) == Rows{{"a", "new"}});
    apply(*engine, Batch(4).put(1, "c", "3"));
  }
  std::string source;
  REQUIRE(emqx_store::pending_restore(s.options, source));
  CHECK(source.starts_with(s.backups));
  SalvageReport report;
  {
    // Not while the broker counts on what it has read.
    std::unique_ptr<Engine> engine;
    REQUIRE(emqx_store::open_store(s.options, {.repair = false, .restore = false}, engine, report));
    CHECK(engine->last_ticket() == 4);
    CHECK_FALSE(report.restored);
  }
  {
    const auto engine = open_for_good(s.options, report);
    CHECK(report.restored);
    CHECK_FALSE(report.damaged);
    CHECK(engine->last_ticket() == 2);
    CHECK(all(*engine, 1) == Rows{{"a", "1"}, {"b", "2"}});
    apply(*engine, Batch(3).put(1, "d", "4"));
  }
  REQUIRE(emqx_store::pending_restore(s.options, source));
  CHECK(source.empty());
  open_for_good(s.options, report);
  CHECK_FALSE(report.restored);
  // What the store was before is kept.
  CHECK(folders(s.options.directory, "replaced-") == 1);
  for (const auto& entry : fs::directory_iterator(s.options.directory)) {
    if (!entry.path().filename().string().starts_with("replaced-")) continue;
    EngineOptions before;
    before.directory = entry.path();
    CHECK(all(*open(before), 1) == Rows{{"a", "new"}, {"c", "3"}});
  }
}

TEST_CASE("a backup that lies ready can be given up, and is not replaced by another") {
  Sample s;
  REQUIRE(restore(s.options, s.backups));
  const Outcome second = restore(s.options, s.backups);
  CHECK(second.text().find("lies ready already") != std::string::npos);
  REQUIRE(emqx_store::cancel_restore(s.options));
  CHECK_FALSE(emqx_store::cancel_restore(s.options));
  SalvageReport report;
  CHECK(open_for_good(s.options, report)->last_ticket() == 3);
  CHECK_FALSE(report.restored);
  CHECK(restore(s.options, s.backups));
}

TEST_CASE("backups share a directory, older ones can be taken back and removed") {
  Sample s;
  const auto engine = open(s.options);
  CHECK(back_up(*engine, s.backups).id == 2);
  CHECK(back_up(*engine, s.backups).id == 3);
  std::vector<Backup> backups;
  REQUIRE(emqx_store::list_backups(s.options, s.backups, backups));
  REQUIRE(backups.size() == 3);
  CHECK(backups[0].ticket == 2);
  CHECK(backups[2].ticket == 3);
  CHECK(backups[2].time_s > 1'600'000'000);
  CHECK(restore(s.options, s.backups, 7).text().find("no backup 7") != std::string::npos);
  REQUIRE(restore(s.options, s.backups, 1));
  REQUIRE(emqx_store::cancel_restore(s.options));
  CHECK(back_up(*engine, s.backups, 2).id == 4);
  REQUIRE(emqx_store::list_backups(s.options, s.backups, backups));
  REQUIRE(backups.size() == 2);
  CHECK(backups[0].id == 3);
}

TEST_CASE("directories that are no place for backups are refused") {
  Sample s;
  const auto engine = open(s.options);
  Backup out;
  const auto refusal = [&](const std::string& directory) {
    return emqx_store::back_up(*engine, directory, 0, kGoOn, out).text();
  };
  CHECK(refusal("relative/path").find("absolute") != std::string::npos);
  CHECK(refusal(s.options.directory).find("own directory") != std::string::npos);
  CHECK(refusal(s.options.directory + "/backups").find("own directory") != std::string::npos);
  fs::create_directory(s.other.path() + "/full");
  std::ofstream(s.other.path() + "/full/letter.txt") << "dear";
  CHECK(refusal(s.other.path() + "/full").find("letter.txt") != std::string::npos);
  CHECK(fs::exists(s.other.path() + "/full/letter.txt"));
  fs::create_directory(s.other.path() + "/empty");
  CHECK(refusal(s.other.path() + "/empty") == "");
  CHECK(refusal(s.other.path() + "/full/letter.txt/x") != "");
  CHECK(restore(s.options, s.other.path() + "/nothing").text().find("no backup") !=
        std::string::npos);
}

TEST_CASE("a damaged backup is refused, and the store goes on as it is") {
  Sample s;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(s.backups)) {
    if (entry.is_regular_file() && entry.file_size() != 0) files.push_back(entry.path());
  }
  REQUIRE(files.size() >= 4);
  for (const fs::path& file : files) {
    const std::string name = file.string().substr(s.backups.size());
    CAPTURE(name);
    const fs::path copy = s.other.path() + "/damaged";
    fs::remove_all(copy);
    fs::copy(s.backups, copy, fs::copy_options::recursive);
    {
      std::fstream octets(copy.string() + name, std::ios::binary | std::ios::in | std::ios::out);
      octets.seekg(static_cast<std::streamoff>(fs::file_size(file) / 2));
      const int octet = octets.get();
      octets.seekp(static_cast<std::streamoff>(fs::file_size(file) / 2));
      octets.put(static_cast<char>(octet ^ 16));
    }
    const Outcome refused = restore(s.options, copy);
    CHECK_FALSE(refused);
    CHECK_FALSE(fs::exists(s.options.directory + "/incoming"));
  }
  SalvageReport report;
  CHECK(open_for_good(s.options, report)->last_ticket() == 3);
  CHECK_FALSE(report.restored);
}

TEST_CASE("a backup of a later version is refused before anything is replaced") {
  Sample s;
  {
    const auto engine = open(s.options);
    const std::string later = emqx_store::number_value(emqx_store::kLayoutVersion + 1);
    REQUIRE(engine->db().Put({}, std::string(emqx_store::kLayoutKey), later).ok());
    back_up(*engine, s.other.path() + "/later");
    const std::string now = emqx_store::number_value(emqx_store::kLayoutVersion);
    REQUIRE(engine->db().Put({}, std::string(emqx_store::kLayoutKey), now).ok());
  }
  CHECK(restore(s.options, s.other.path() + "/later").fault() == Fault::newer);
  std::string source;
  REQUIRE(emqx_store::pending_restore(s.options, source));
  CHECK(source.empty());
}

TEST_CASE("a backup made while batches are applied is the store as it was after one of them") {
  const Directory directory, other;
  StoreModel model(8);
  EngineOptions options = options_for(directory);
  options.memtable_bytes = 4 * 64 * 1024;
  Backup backup;
  {
    const auto engine = open(options);
    for (int i = 0; i < 100; ++i) apply(*engine, model.next());
    Outcome made;
    std::atomic<bool> done{false};
    std::thread backing([&] {
      made = emqx_store::back_up(*engine, other.path() + "/backups", 0, kGoOn, backup);
      done = true;
    });
    for (int i = 0; i < 300 && !done; ++i) apply(*engine, model.next());
    backing.join();
    REQUIRE_MESSAGE(static_cast<bool>(made), made.text());
    CHECK(backup.ticket >= 100);
  }
  REQUIRE(restore(options, other.path() + "/backups"));
  SalvageReport report;
  const auto engine = open_for_good(options, report);
  CHECK(report.restored);
  CHECK(engine->last_ticket() >= backup.ticket);
  REQUIRE(model.has(engine->last_ticket()));
  CHECK(difference(state_of(*engine), model.state(engine->last_ticket())) == "");
}

TEST_CASE("a cancelled backup, and a cancelled restore, leave nothing behind") {
  Sample s;
  const auto engine = open(s.options);
  const std::atomic<bool> cancelled{true};
  Backup out;
  const Outcome restored = emqx_store::prepare_restore(s.options, s.backups, 0, cancelled, out);
  CHECK(restored.text() == "cancelled");
  CHECK_FALSE(fs::exists(s.options.directory + "/incoming"));
  emqx_store::back_up(*engine, s.backups, 0, cancelled, out).ignore();  // small ones are quicker
  std::vector<Backup> backups;
  REQUIRE(emqx_store::list_backups(s.options, s.backups, backups));
  CHECK(backups.size() >= 1);
  CHECK(restore(s.options, s.backups, 1));
}

TEST_CASE("wherever taking a backup's place is interrupted, it is finished at the next opening") {
  for (std::uint64_t at = 1; at < 60; ++at) {
    CAPTURE(at);
    Sample s;
    REQUIRE(restore(s.options, s.backups));
    const auto failing = std::make_shared<FailingFs>(rocksdb::FileSystem::Default());
    const auto env = rocksdb::NewCompositeEnv(failing);
    EngineOptions options = s.options;
    options.env = env.get();
    failing->fail_from(at, FailingFs::Error::io);
    std::unique_ptr<Engine> engine;
    SalvageReport report;
    const Outcome interrupted = emqx_store::open_store(options, {}, engine, report);
    engine.reset();
    engine = open_for_good(s.options, report);
    CHECK(engine->last_ticket() == 2);
    CHECK(all(*engine, 1) == Rows{{"a", "1"}, {"b", "2"}});
    if (interrupted) break;
  }
}

TEST_CASE("a disk that is full during a backup does not hurt the store or older backups") {
  Sample s;
  const auto failing = std::make_shared<FailingFs>(rocksdb::FileSystem::Default());
  const auto env = rocksdb::NewCompositeEnv(failing);
  EngineOptions options = s.options;
  options.env = env.get();
  auto engine = open(options);
  Backup out;
  int failed = 0;
  for (std::uint64_t at = 1; at < 40; at += 3) {
    CAPTURE(at);
    failing->fail_from(at, FailingFs::Error::no_space);
    const Outcome made = emqx_store::back_up(*engine, s.backups, 0, kGoOn, out);
    failing->heal();
    if (made) break;
    ++failed;
    CHECK_MESSAGE(made.fault() == Fault::no_space, made.text());
    engine.reset();
    engine = open(options);
    CHECK(all(*engine, 1) == Rows{{"a", "new"}});
    std::vector<Backup> backups;
    REQUIRE(emqx_store::list_backups(s.options, s.backups, backups));
    CHECK(backups.front().id == 1);
  }
  CHECK(failed > 2);
  CHECK(restore(s.options, s.backups, 1));
}
