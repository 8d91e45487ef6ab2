// `ctl plugins new` without a broker: what it writes and what it refuses. That the projects build
// is seen by the test sdk.installed.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/system/support/json.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

namespace fs = std::filesystem;

Outcome create(const std::vector<std::string>& words) {
  std::vector<std::string> command{ctl_binary(), "plugins", "new"};
  command.insert(command.end(), words.begin(), words.end());
  return run(command);
}

}  // namespace

TEST_SUITE_BEGIN("plugins_new");

TEST_CASE("each kind is a complete project in which no placeholder is left") {
  const TempDir dir;
  for (const std::string kind : {"hook", "gateway", "auth", "ctl"}) {
    CAPTURE(kind);
    const std::string name = "my_" + kind;
    const fs::path project = dir.path() / name;
    const Outcome done = create({name, "--kind", kind, "--dir", project});
    REQUIRE(done.exit == 0);
    CHECK(contains(done.out, "Plugin project " + name + " written to " + project.string()));
    CHECK(contains(done.out, "ctl plugins load " + name));
    for (const std::string file :
         {"CMakeLists.txt", "README.md", ".gitignore", "plugin.cpp", "my_NAME.conf",
          "tests/unit_test.cpp", "tests/system_test.cpp"}) {
      const std::string path = file == "my_NAME.conf" ? name + ".conf" : file;
      CAPTURE(path);
      CHECK(fs::file_size(project / path) > 0);
      CHECK_FALSE(contains(read_file(project / path), "@"));
    }
    CHECK(contains(read_file(project / "CMakeLists.txt"), "keel_add_plugin(" + name));
    CHECK(contains(read_file(project / "plugin.cpp"), "\"" + name + "\""));
  }
}

TEST_CASE("options may be joined to their values, and an empty directory is used") {
  const TempDir dir;
  const Outcome done = create({"--kind=hook", "--dir=" + dir.path().string(), "a1_b", "--json"});
  REQUIRE(done.exit == 0);
  CHECK(contains(done.out, R"("name":"a1_b","kind":"hook")"));
  CHECK(contains(done.out, R"("tests/unit_test.cpp")"));
  CHECK(fs::exists(dir.path() / "a1_b.conf"));
}

TEST_CASE("wrong words are refused with the usage") {
  const struct {
    std::vector<std::string> words;
    std::string cause;
  } cases[] = {
      {{}, "a name is needed"},
      {{"Hello"}, "'Hello' is no name of a plugin: small letters, digits and _"},
      {{"9lives"}, "'9lives' is no name"},
      {{"../up"}, "'../up' is no name"},
      {{"a b"}, "'a b' is no name"},
      {{std::string(32, 'a')}, "32 letters, 31 are possible"},
      {{"test"}, "'test' is a word of the build tool; choose another name, such as my_test"},
      {{"a", "b"}, "one name at a time: 'a' and 'b'"},
      {{"a", "--kind", "nothing"}, "no kind 'nothing'; the kinds are hook, gateway, auth and ctl"},
      {{"a", "--kind"}, "--kind needs a value"},
      {{"a", "--nonsense"}, "unknown option '--nonsense'"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.cause);
    const Outcome refused = create(c.words);
    CHECK(refused.exit == 2);
    CHECK(contains(refused.err, "new plugin error: "));
    CHECK(contains(refused.err, c.cause));
    CHECK(contains(refused.err, "usage: ctl plugins new NAME"));
  }
}

TEST_CASE("what is there already stays") {
  const TempDir dir;
  write_file(dir.path() / "mine", "kept");
  Outcome refused = create({"a", "--dir", dir.path()});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, "exists and is not empty; remove it, or name another with --dir"));
  refused = create({"a", "--dir", dir.path() / "mine"});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, "is a file; name a directory with --dir"));
  CHECK(read_file(dir.path() / "mine") == "kept");
}

TEST_CASE("a place that cannot be written is named, and nothing is left there") {
  const Outcome refused = create({"a", "--dir", "/proc/nowhere/a"});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, "/proc/nowhere' cannot be made: "));
  CHECK(contains(refused.err, "name a directory of yours with --dir"));
}

TEST_CASE("a ctl without templates says where it looked") {
  const TempDir dir;
  fs::create_directory(dir.path() / "bin");
  fs::copy_file(ctl_binary(), dir.path() / "bin/ctl");
  const Outcome refused =
      run({dir.path() / "bin/ctl", "plugins", "new", "a", "--dir", dir.path() / "a"});
  CHECK(refused.exit == 1);
  CHECK(contains(refused.err, "the templates are not in '" + dir.path().string() +
                                  "/share/keel/templates'; install keel again"));
  CHECK_FALSE(fs::exists(dir.path() / "a"));
}

TEST_SUITE_END();

}  // namespace keel::test
