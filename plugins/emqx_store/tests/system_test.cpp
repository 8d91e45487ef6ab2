// The built plugin in the real broker.
#include <doctest/doctest.h>

#include <filesystem>
#include <keel/test.hpp>
#include <string>

namespace {

using keel::concat;
using keel::KernelFixture;

// However full the disk of this machine is.
constexpr const char* kAnyDisk = "store.min_free = [\"0\", \"0\", \"0\"]\n";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string shipped_settings() {
  std::string path = __FILE__;
  path.replace(path.rfind("tests/"), std::string::npos, "emqx_store.conf");
  return keel::test::read_file(path);
}

// The lines of `plugins show` that tell settings: "KEY = VALUE".
std::string settings_in_force(const KernelFixture& kernel) {
  const std::string shown = kernel.ctl({"plugins", "show", "emqx_store"}).output;
  std::string out;
  for (std::size_t at = 0; (at = shown.find("setting     : ", at)) != std::string::npos; ++at) {
    std::string line = shown.substr(at + 14, shown.find('\n', at) - at - 14);
    if (const std::size_t place = line.find("  ("); place != std::string::npos) line.resize(place);
    out += line + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("the sample file has every setting, with the defaults in force") {
  const KernelFixture with_file({.settings = shipped_settings()});
  const KernelFixture bare;
  CHECK(settings_in_force(with_file) == settings_in_force(bare));
  const std::string described = bare.ctl({"plugins", "describe", "emqx_store"}).output;
  std::size_t settings = 0;
  for (std::size_t at = 0; (at = described.find("\nstore.", at)) != std::string::npos; ++at) {
    const std::string key = described.substr(at + 1, described.find(' ', at) - at - 1);
    CHECK_MESSAGE(contains(shipped_settings(), concat(key, " = ")), key);
    ++settings;
  }
  CHECK(settings == 9);
}

TEST_CASE("it is loaded, upgraded, reloaded and unloaded, and leaves nothing mapped") {
  KernelFixture kernel({.settings = kAnyDisk});
  CHECK(std::filesystem::exists(kernel.path("data/plugins/emqx_store/db/CURRENT")));
  CHECK(kernel.ctl({"plugins", "upgrade", "emqx_store", KEEL_TEST_PLUGIN}).exit == 0);
  CHECK(contains(kernel.ctl({"store", "info"}).output, "condition: fine"));
  CHECK(kernel.ctl({"plugins", "reload", "emqx_store"}).exit == 0);
  CHECK(kernel.unload());
  CHECK(kernel.await_log("old version unmapped"));
  CHECK(kernel.await_log("unloaded, unmapped"));
#ifndef __SANITIZE_THREAD__  // which keeps the debug sections of what it looked up mapped
  CHECK_FALSE(kernel.maps_contains("emqx_store"));
#endif
  CHECK(kernel.load());
  CHECK(contains(kernel.ctl({"store", "info"}).output, "condition: fine"));
}

TEST_CASE("a second broker on the same directory is refused, and told which process has it") {
  const KernelFixture first({.settings = kAnyDisk});
  const std::string settings =
      concat("store.directory = \"", first.path("data/plugins/emqx_store/db"), "\"\n");
  KernelFixture second({.settings = settings, .load = false});
  const keel::Status loaded = second.load();
  CHECK_FALSE(loaded);
  const std::string said = concat(loaded.text(), second.log());
  CHECK_MESSAGE(contains(said, "is in use by process "), said);
  CHECK_MESSAGE(contains(said, "(keel)"), said);
  CHECK(contains(first.ctl({"store", "info"}).output, "condition: fine"));
}

TEST_CASE("check, compact, backups") {
  const KernelFixture kernel({.settings = kAnyDisk});
  const std::string backups = kernel.path("backups");
  const auto checked = kernel.ctl({"store", "check"});
  CHECK_MESSAGE(checked.exit == 0, checked.output);
  CHECK(contains(checked.output, "The store is sound"));
  CHECK(kernel.ctl({"store", "compact"}).exit == 0);
  CHECK(kernel.ctl({"store", "backup", backups}).exit == 0);
  CHECK(kernel.ctl({"store", "backup", backups}).exit == 0);
  CHECK(kernel.ctl({"store", "backup", backups, "--keep", "2"}).exit == 0);
  const std::string listed = kernel.ctl({"store", "backups", backups}).output;
  CHECK_FALSE(contains(listed, "backup 1 "));
  CHECK(contains(listed, "backup 2 "));
  CHECK(contains(listed, "backup 3 "));
  for (const std::string& wrong : {std::string("0"), std::string("x"), std::string("-1")}) {
    CHECK(kernel.ctl({"store", "backup", backups, "--keep", wrong}).exit != 0);
    CHECK(kernel.ctl({"store", "restore", backups, wrong}).exit != 0);
  }
  const auto missing = kernel.ctl({"store", "restore", backups, "1"});
  CHECK(missing.exit == 1);
  CHECK(contains(missing.output, "no backup 1"));
  const auto nothing = kernel.ctl({"store", "restore", "--cancel"});
  CHECK(nothing.exit == 1);
}

TEST_CASE(
    "a restored backup takes the store's place when the store is loaded, not when it is upgraded") {
  KernelFixture kernel({.settings = kAnyDisk});
  const std::string backups = kernel.path("backups");
  REQUIRE(kernel.ctl({"store", "backup", backups}).exit == 0);
  REQUIRE(kernel.ctl({"store", "restore", backups}).exit == 0);
  const auto replaced = [&] {
    for (const auto& entry :
         std::filesystem::directory_iterator(kernel.path("data/plugins/emqx_store/db"))) {
      if (entry.path().filename().string().starts_with("replaced-")) return true;
    }
    return false;
  };
  REQUIRE(kernel.ctl({"plugins", "upgrade", "emqx_store", KEEL_TEST_PLUGIN}).exit == 0);
  CHECK_FALSE(replaced());
  REQUIRE(kernel.unload());
  REQUIRE(kernel.load());
  CHECK(replaced());
}
