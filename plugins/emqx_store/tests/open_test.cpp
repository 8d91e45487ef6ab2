// Opening a store: what is refused, and how older layouts are brought up to date.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/lock_owner.hpp"
#include "emqx_store/engine/migration.hpp"
#include "emqx_store/tests/store_harness.hpp"

using namespace emqx_store_test;  // NOLINT
using emqx_store::Layouts;
using emqx_store::Migration;

namespace {

Outcome try_open(const EngineOptions& options) {
  std::unique_ptr<Engine> engine;
  Outcome opened = Engine::open(options, engine);
  CHECK((engine != nullptr) == static_cast<bool>(opened));
  return opened;
}

void set_layout(const Directory& directory, const std::string& value) {
  const auto engine = open(directory);
  REQUIRE(engine->db().Put({}, std::string(emqx_store::kLayoutKey), value).ok());
}

}  // namespace

TEST_CASE("a directory is made with those above it") {
  const Directory directory;
  EngineOptions options;
  options.directory = directory.path() + "/a/b/db";
  CHECK(try_open(options));
  CHECK(std::filesystem::exists(options.directory + "/CURRENT"));
}

TEST_CASE("a directory that cannot be made is named") {
  const Directory directory;
  std::ofstream(directory.path() + "/file") << "x";
  EngineOptions options;
  options.directory = directory.path() + "/file/db";
  const Outcome opened = try_open(options);
  CHECK(opened.fault() == Fault::io);
  CHECK(opened.text().find(directory.path() + "/file") != std::string::npos);
}

TEST_CASE("a second engine of this process is refused, and does not hurt the first") {
  const Directory directory;
  const auto engine = open(directory);
  const Outcome second = try_open(options_for(directory));
  CHECK(second.fault() == Fault::in_use);
  CHECK(second.text().find("this very process") != std::string::npos);
  CHECK(second.text().find(directory.db()) != std::string::npos);
  apply(*engine, Batch(1).put(1, "a", "1"));
  CHECK(all(*engine, 1).size() == 1);
}

// A process that holds the store's lock as RocksDB does, and this one does not.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& lock) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT, 0600);
      struct flock whole {};
      whole.l_type = F_WRLCK;
      whole.l_whence = SEEK_SET;
      const char answer = fd >= 0 && ::fcntl(fd, F_SETLK, &whole) == 0 ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    REQUIRE(answer == 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~OtherProcess() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  pid_t id() const { return child_; }

 private:
  pid_t child_ = -1;
};

TEST_CASE("a store in use by another process is refused, naming that process") {
  const Directory directory;
  REQUIRE(open(directory)->close());
  {
    const OtherProcess other(directory.db() + "/LOCK");
    const Outcome opened = try_open(options_for(directory));
    CHECK(opened.fault() == Fault::in_use);
    CHECK(opened.text().find("process " + std::to_string(other.id()) + " (") != std::string::npos);
    CHECK(opened.text().find(directory.db()) != std::string::npos);
  }
  CHECK(try_open(options_for(directory)));
}

TEST_CASE("nobody is named who has no lock") {
  const Directory directory;
  CHECK(emqx_store::lock_owner(directory.path() + "/none") == "another process");
  std::ofstream(directory.path() + "/LOCK") << "";
  CHECK(emqx_store::lock_owner(directory.path() + "/LOCK") == "another process");
}

TEST_CASE("a store of a later version is refused, and left as it is") {
  const Directory directory;
  set_layout(directory, emqx_store::number_value(emqx_store::kLayoutVersion + 1));
  const Outcome opened = try_open(options_for(directory));
  CHECK(opened.fault() == Fault::newer);
  CHECK(opened.text().find("layout 2") != std::string::npos);
  CHECK(opened.text().find("knows 1") != std::string::npos);
  CHECK(try_open(options_for(directory)).fault() == Fault::newer);
}

TEST_CASE("a store that was written with parts this version does not know is refused") {
  const Directory directory;
  {
    const auto engine = open(directory);
    rocksdb::ColumnFamilyHandle* family = nullptr;
    REQUIRE(engine->db().CreateColumnFamily({}, "from the future", &family).ok());
    REQUIRE(engine->db().DestroyColumnFamilyHandle(family).ok());
  }
  CHECK(try_open(options_for(directory)).fault() == Fault::newer);
}

TEST_CASE("a layout that makes no sense, or is missing, is damage") {
  for (const std::string& value : {std::string("short"), emqx_store::number_value(0)}) {
    const Directory directory;
    set_layout(directory, value);
    CHECK(try_open(options_for(directory)).fault() == Fault::damaged);
  }
  const Directory directory;
  {
    const auto engine = open(directory);
    apply(*engine, Batch(1).put(1, "a", "1"));
    REQUIRE(engine->db().Delete({}, std::string(emqx_store::kLayoutKey)).ok());
  }
  CHECK(try_open(options_for(directory)).fault() == Fault::damaged);
}

TEST_CASE("a ticket that makes no sense is damage") {
  const Directory directory;
  {
    const auto engine = open(directory);
    REQUIRE(engine->db().Put({}, std::string(emqx_store::kTicketKey), "x").ok());
  }
  CHECK(try_open(options_for(directory)).fault() == Fault::damaged);
}

TEST_CASE("tables without CURRENT are not taken for a new store") {
  const Directory directory;
  {
    auto engine = open(directory);
    apply(*engine, Batch(1).put(1, "a", "1"));
    REQUIRE(engine->close());
  }
  std::filesystem::remove(directory.db() + "/CURRENT");
  const Outcome opened = try_open(options_for(directory));
  CHECK(opened.fault() == Fault::damaged);
  CHECK(opened.text().find("CURRENT") != std::string::npos);
  const auto files = std::filesystem::directory_iterator(directory.db());
  CHECK(std::any_of(begin(files), end(files),
                    [](const auto& file) { return file.path().extension() == ".sst"; }));
}

TEST_CASE("a missing table is damage") {
  const Directory directory;
  {
    auto engine = open(directory);
    apply(*engine, Batch(1).put(1, "a", "1"));
    REQUIRE(engine->close());
  }
  for (const auto& file : std::filesystem::directory_iterator(directory.db())) {
    if (file.path().extension() == ".sst") std::filesystem::remove(file.path());
  }
  CHECK(try_open(options_for(directory)).fault() == Fault::damaged);
}

namespace {

// Layout 1 of this test had its rows in space 1 under names with a dash; 2 writes them with a dot;
// 3 has them in space 2.
Outcome dashes_to_dots(rocksdb::DB& db) {
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator({}));
  for (row->Seek("\x01"); row->Valid() && row->key()[0] == 1; row->Next()) {
    std::string key = row->key().ToString();
    const std::size_t dash = key.find('-');
    if (dash == std::string::npos) continue;
    key[dash] = '.';
    rocksdb::WriteBatch change;
    change.Put(key, row->value());
    change.Delete(row->key());
    const auto status = db.Write({}, &change);
    if (!status.ok()) return emqx_store::outcome_of(status, "cannot migrate");
  }
  return {};
}
Outcome to_space_2(rocksdb::DB& db) {
  const std::unique_ptr<rocksdb::Iterator> row(db.NewIterator({}));
  for (row->Seek("\x01"); row->Valid() && row->key()[0] == 1; row->Next()) {
    std::string key = row->key().ToString();
    rocksdb::WriteBatch change;
    change.Delete(row->key());
    key[0] = 2;
    change.Put(key, row->value());
    const auto status = db.Write({}, &change);
    if (!status.ok()) return emqx_store::outcome_of(status, "cannot migrate");
  }
  return {};
}
Outcome breaks_off(rocksdb::DB&) { return {Fault::io, "the disk is gone"}; }

}  // namespace

TEST_CASE("older layouts are brought up to date, step by step") {
  const Directory directory;
  {
    const auto engine = open(directory);
    apply(*engine, Batch(1).put(1, "a-b", "1").put(1, "c-d", "2"));
  }
  const std::array<Migration, 2> steps{{{1, &dashes_to_dots}, {2, &to_space_2}}};
  const Layouts layouts{.current = 3, .migrations = steps};
  EngineOptions options = options_for(directory);
  options.layouts = &layouts;
  const Rows expected{{"a.b", "1"}, {"c.d", "2"}};

  SUBCASE("both steps") {}
  SUBCASE("from the second on") {
    const Layouts second{.current = 2, .migrations = steps};
    options.layouts = &second;
    CHECK(all(*open(options), 1) == expected);
    options.layouts = &layouts;
  }
  SUBCASE("after the second broke off") {
    const std::array<Migration, 2> broken_steps{{{1, &dashes_to_dots}, {2, &breaks_off}}};
    const Layouts broken{.current = 3, .migrations = broken_steps};
    options.layouts = &broken;
    CHECK(try_open(options).text() == "the disk is gone");
    options.layouts = &layouts;
  }
  {
    const auto engine = open(options);
    CHECK(all(*engine, 2) == expected);
    CHECK(all(*engine, 1).empty());
    CHECK(engine->last_ticket() == 1);
  }
  CHECK(all(*open(options), 2) == expected);
  CHECK(try_open(options_for(directory)).fault() == Fault::newer);
}

TEST_CASE("a layout nobody can bring up to date is refused") {
  const Directory directory;
  REQUIRE(open(directory)->close());
  const std::array<Migration, 1> steps{{{2, &to_space_2}}};
  const Layouts layouts{.current = 3, .migrations = steps};
  EngineOptions options = options_for(directory);
  options.layouts = &layouts;
  const Outcome opened = try_open(options);
  CHECK(opened.fault() == Fault::newer);
  CHECK(opened.text().find("layout 1") != std::string::npos);
}

TEST_CASE("a new store has the newest layout at once") {
  const Directory directory;
  const std::array<Migration, 1> steps{{{1, &breaks_off}}};
  const Layouts layouts{.current = 2, .migrations = steps};
  EngineOptions options = options_for(directory);
  options.layouts = &layouts;
  CHECK(try_open(options));
  CHECK(try_open(options));
}
