#include "kernel/plugin/library.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/unit/plugin/support.hpp"

namespace keel::kernel {
namespace {

namespace fs = std::filesystem;

bool in_maps(const std::string& file) {
  return test::read_file("/proc/self/maps").find(file) != std::string::npos;
}

struct RunDir {
  test::TempDir dir;
  std::string path = dir.path("run");

  Library load(std::string_view name, std::uint32_t generation = 1) {
    auto library = Library::load(test::fixture(name), path, std::string(name), generation);
    REQUIRE_MESSAGE(library, library.error());
    return std::move(*library);
  }
};

TEST_CASE("a plugin is loaded from a private copy and leaves nothing behind") {
  RunDir run;
  auto library = run.load("good", 7);
  const std::string file = run.path + "/good-7.so";
  CHECK(library.loaded());
  CHECK(library.file() == file);
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0500);
  REQUIRE(::stat(run.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  const auto* const entry = library.entry();
  REQUIRE(entry != nullptr);
  CHECK(entry->magic == KEEL_ENTRY_MAGIC);
  CHECK(library.contains(entry));
  CHECK(is_mapped(entry));
  CHECK(is_mapped_code(reinterpret_cast<const void*>(entry->create)));
  CHECK_FALSE(is_mapped_code(entry));
  CHECK(in_maps(file));

  const auto gone = library.unload();
  CHECK(gone.unmapped);
  CHECK(gone.reason.empty());
  CHECK_FALSE(library.loaded());
  CHECK(library.entry() == nullptr);
  CHECK_FALSE(is_mapped(entry));
  CHECK_FALSE(in_maps(file));
  CHECK_FALSE(fs::exists(file));
  CHECK(library.unload().unmapped);  // nothing any more
}

TEST_CASE("two versions are loaded side by side, and a file that changes has no effect") {
  RunDir run;
  const std::string original = run.dir.write("good.so", test::read_file(test::fixture("good")));
  auto first = Library::load(original, run.path, "good", 1);
  REQUIRE(first);
  run.dir.write("good.so", "no longer a plugin");
  CHECK((*first).entry()->magic == KEEL_ENTRY_MAGIC);
  run.dir.write("good.so", test::read_file(test::fixture("good")));
  auto second = Library::load(original, run.path, "good", 2);
  REQUIRE(second);
  CHECK(first->entry() != second->entry());
  CHECK(first->unload().unmapped);
  CHECK(second->entry()->magic == KEEL_ENTRY_MAGIC);
  CHECK(second->unload().unmapped);
}

TEST_CASE("moving and destroying unload") {
  RunDir run;
  {
    auto library = run.load("good", 1);
    Library other = std::move(library);
    CHECK_FALSE(library.loaded());
    CHECK(other.loaded());
    other = run.load("good", 2);
    CHECK_FALSE(in_maps("good-1.so"));
    CHECK(in_maps("good-2.so"));
  }
  CHECK_FALSE(in_maps("good-2.so"));
  CHECK(fs::is_empty(run.path));
}

TEST_CASE("a hundred loads and unloads leave nothing mapped") {
  RunDir run;
  for (std::uint32_t i = 0; i < 100; ++i) {
    auto library = run.load("good", i);
    CHECK(library.unload().unmapped);
  }
  CHECK_FALSE(in_maps(run.path));
}

TEST_CASE("what stays mapped says why") {
  RunDir run;
  SUBCASE("nodelete") {
    const auto left = run.load("nodelete").unload();
    CHECK_FALSE(left.unmapped);
    CHECK(left.reason.find("-z nodelete") != std::string::npos);
  }
  SUBCASE("unique symbol") {
    if (!fs::exists(test::fixture("unique"))) return;
    const auto left = run.load("unique").unload();
    CHECK_FALSE(left.unmapped);
    CHECK(left.reason.find("fixture::Counter<int>::value") != std::string::npos);
  }
  SUBCASE("thread_local") {
    auto library = run.load("thread_exit");
    keel_plugin out{};
    library.entry()->create(nullptr, &out);
    const auto left = library.unload();
    CHECK_FALSE(left.unmapped);
    CHECK(left.reason.find("thread_local") != std::string::npos);
  }
  SUBCASE("thread_local never touched") { CHECK(run.load("thread_exit").unload().unmapped); }
  SUBCASE("asked for") {
    auto library = run.load("good");
    const auto file = library.file();
    const auto* const entry = library.entry();
    ::setenv("KEEL_KEEP_MAPPED", "1", 1);
    const auto left = library.unload();
    ::unsetenv("KEEL_KEEP_MAPPED");
    CHECK_FALSE(left.unmapped);
    CHECK(left.reason.find("KEEL_KEEP_MAPPED") != std::string::npos);
    CHECK(is_mapped(entry));
    CHECK(fs::exists(file));  // symbols are read from it
  }
}

TEST_CASE("what cannot be loaded says why and leaves no copy") {
  RunDir run;
  const auto check = [&](const std::string& file, std::string_view part) {
    const auto library = Library::load(file, run.path, "x", 1);
    REQUIRE_FALSE(library);
    CHECK_MESSAGE(library.error().find(part) != std::string::npos, library.error());
    CHECK(fs::is_empty(run.path));
  };
  check(test::fixture("undefined"), "keel_nobody_has_this");
  check(test::fixture("no_entry"), "keel_plugin_entry_v1");
  check(run.dir.write("text.so", "no plugin at all"), "file too short");
  check(run.dir.path("missing.so"), "No such file");
  check(run.dir.path(), "not a file");
  CHECK_FALSE(in_maps(run.path));
}

TEST_CASE("a copy that is there already is not loaded") {
  RunDir run;
  REQUIRE(empty_run_dir(run.path));
  run.dir.write("run/good-1.so", "left by somebody");
  const auto library = Library::load(test::fixture("good"), run.path, "good", 1);
  REQUIRE_FALSE(library);
  CHECK(library.error().find("File exists") != std::string::npos);
  CHECK(test::read_file(run.path + "/good-1.so") == "left by somebody");
}

TEST_CASE("the folder of the copies is emptied at boot and closed to others") {
  RunDir run;
  REQUIRE(empty_run_dir(run.path));  // made
  run.dir.write("run/old-1.so", "x");
  fs::create_symlink("/etc/passwd", run.path + "/link.so");
  fs::create_directory(run.path + "/kept");
  ::chmod(run.path.c_str(), 0755);
  REQUIRE(empty_run_dir(run.path));
  CHECK(fs::exists("/etc/passwd"));
  CHECK_FALSE(fs::exists(run.path + "/old-1.so"));
  CHECK_FALSE(fs::is_symlink(run.path + "/link.so"));
  CHECK(fs::exists(run.path + "/kept"));
  struct stat status {};
  REQUIRE(::stat(run.path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);

  CHECK_FALSE(empty_run_dir(run.dir.write("file", "x")));
  fs::create_directory_symlink(run.path, run.dir.path("link"));
  CHECK_FALSE(empty_run_dir(run.dir.path("link")));
  CHECK_FALSE(empty_run_dir(run.dir.path("a/b/c")));
}

TEST_CASE("addresses of nothing") {
  int local = 0;
  CHECK_FALSE(is_mapped(&local));
  CHECK_FALSE(is_mapped(nullptr));
  CHECK_FALSE(Library().contains(&local));
  CHECK(Library().file().empty());
}

}  // namespace
}  // namespace keel::kernel
