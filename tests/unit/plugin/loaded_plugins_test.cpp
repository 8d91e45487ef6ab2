#include "kernel/plugin/loaded_plugins.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/plugin/support.hpp"

namespace keel::kernel {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("both forms are read, in order, with comments and switched-off entries") {
  const auto list = LoadedPlugins::parse(
      "%% from EMQ X\r\n"
      "emqx_retainer.\n"
      "  { emqx_sn , true } .   % a gateway\n"
      "\n"
      "{emqx_recon, false}.\n"
      "{'emqx_acl',true}.\n"
      "'emqx_ws'.\n",
      "loaded_plugins");
  CHECK(list.names() == Names{"emqx_retainer", "emqx_sn", "emqx_acl", "emqx_ws"});
  CHECK(list.contains("emqx_sn"));
  CHECK_FALSE(list.contains("emqx_recon"));
  CHECK(list.problems().empty());
}

TEST_CASE("lines that make no sense are reported with their number and stay") {
  const std::string text =
      "emqx_sn\n"
      "{emqx_acl}.\n"
      "{emqx_acl, maybe}.\n"
      "{emqx_acl true}.\n"
      "Emqx_sn.\n"
      "emqx-sn.\n"
      "{emqx_acl, true}. more\n"
      "../evil.\n"
      "'emqx_sn.\n"
      "\x01\xff.\n"
      "{ok, true}.\n"
      "ok.\n";
  const auto list = LoadedPlugins::parse(text, "dir/loaded_plugins");
  CHECK(list.names() == Names{"ok"});
  REQUIRE(list.problems().size() == 11);
  CHECK(list.problems()[0] ==
        "dir/loaded_plugins:1: 'emqx_sn' is not an entry; write {name, true}. or remove the line");
  CHECK(list.problems()[10] ==
        "dir/loaded_plugins:12: 'ok' is listed twice; remove one of the lines");
  CHECK(list.text() == text);
}

TEST_CASE("a long bad list gives a bounded report") {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "?\n";
  const auto list = LoadedPlugins::parse(text, "f");
  CHECK(list.problems().size() == 21);
  CHECK(list.problems().back() == "f: 980 more lines are no entries");
}

TEST_CASE("adding and removing keep everything else") {
  test::TempDir dir;
  const std::string path =
      dir.write("loaded_plugins", "%% mine\nemqx_retainer.\n??\n{emqx_recon, false}.\n{a, true}.");
  auto list = LoadedPlugins::read(path);
  REQUIRE(list);
  REQUIRE(list->add("b"));
  CHECK(test::read_file(path) ==
        "%% mine\nemqx_retainer.\n??\n{emqx_recon, false}.\n{a, true}.\n{b, true}.\n");
  REQUIRE(list->add("emqx_recon"));
  REQUIRE(list->remove("emqx_retainer"));
  CHECK(test::read_file(path) == "%% mine\n??\n{emqx_recon, true}.\n{a, true}.\n{b, true}.\n");
  CHECK(list->names() == Names{"emqx_recon", "a", "b"});
  const auto again = LoadedPlugins::read(path);
  REQUIRE(again);
  CHECK(again->names() == list->names());
  CHECK(dir.names() == Names{"loaded_plugins"});  // no temporary file is left
}

TEST_CASE("nothing is written when nothing changes") {
  test::TempDir dir;
  const std::string path = dir.write("loaded_plugins", "{a, true}.\n{off, false}.\n");
  auto list = LoadedPlugins::read(path);
  REQUIRE(list);
  struct stat before {};
  REQUIRE(::stat(path.c_str(), &before) == 0);
  CHECK(list->add("a"));
  CHECK(list->remove("off"));
  CHECK(list->remove("never"));
  struct stat after {};
  REQUIRE(::stat(path.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("a file that is not there is an empty list, and the first entry makes it") {
  test::TempDir dir;
  auto list = LoadedPlugins::read(dir.path("loaded_plugins"));
  REQUIRE(list);
  CHECK(list->names().empty());
  REQUIRE(list->add("emqx_sn"));
  CHECK(test::read_file(dir.path("loaded_plugins")) == "{emqx_sn, true}.\n");
}

TEST_CASE("what cannot be read or written says so") {
  test::TempDir dir;
  std::filesystem::create_directory(dir.path("folder"));
  const auto folder = LoadedPlugins::read(dir.path("folder"));
  REQUIRE_FALSE(folder);
  CHECK(folder.error().find("is not a file") != std::string::npos);

  dir.write("large", std::string(300'000, '%'));
  const auto large = LoadedPlugins::read(dir.path("large"));
  REQUIRE_FALSE(large);
  CHECK(large.error().find("is larger than") != std::string::npos);

  auto nowhere = LoadedPlugins::read(dir.path("missing/loaded_plugins"));
  REQUIRE(nowhere);
  const auto saved = nowhere->add("a");
  REQUIRE_FALSE(saved);
  CHECK(saved.error().find("cannot be written") != std::string::npos);
  CHECK(nowhere->names().empty());  // as before

  auto list = LoadedPlugins::read(dir.path("list"));
  REQUIRE(list);
  CHECK_FALSE(list->add("../evil"));
}

}  // namespace
}  // namespace keel::kernel
