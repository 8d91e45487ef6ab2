#include "kernel/plugin/entry_schema.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernel/config/plugin_settings.hpp"
#include "kernel/plugin/library.hpp"
#include "tests/unit/plugin/support.hpp"

namespace keel::kernel {
namespace {

keel_setting setting(std::uint8_t type, const char* key, const char* fallback = nullptr) {
  keel_setting made{};
  made.size = sizeof made;
  made.type = type;
  made.key = key;
  made.help = "Help";
  made.fallback = fallback;
  return made;
}

keel_status create(const keel_host*, keel_plugin*) { return KEEL_E_UNSUPPORTED; }

keel_plugin_info good_info() {
  keel_plugin_info info{};
  std::memcpy(info.magic, KEEL_INFO_MAGIC, sizeof info.magic);
  info.size = sizeof info;
  info.abi_major = KEEL_ABI_MAJOR;
  std::strcpy(info.name, "demo");
  std::strcpy(info.version, "1.0.0");
  return info;
}

// An entry in the test's own memory and the manifest that belongs to it.
struct Demo {
  keel_plugin_info info = good_info();
  std::vector<keel_setting> settings{setting(KEEL_SETTING_INT, "demo.port", "1884")};
  keel_plugin_entry entry{
      sizeof(keel_plugin_entry), KEEL_ENTRY_MAGIC, &info, settings.data(), 1, 0, create};
  Manifest manifest;

  Demo() {
    const auto parsed = parse_plugin_info(
        std::string_view(reinterpret_cast<const char*>(&info), sizeof info), "demo");
    REQUIRE(parsed);
    manifest = *parsed;
  }
  std::string error() const {
    const auto result = check_entry(&entry, manifest);
    return result ? "" : result.error();
  }
};

std::string schema_error(const keel_setting& one) {
  const auto schema = schema_from_settings(&one, 1);
  return schema ? "" : schema.error();
}

// Addresses that nothing can be read from.
const void* const kWild[] = {reinterpret_cast<const void*>(1), reinterpret_cast<const void*>(4096),
                             reinterpret_cast<const void*>(0x0000'dead'beef'0000),
                             reinterpret_cast<const void*>(0xdead'beef'dead'beef),
                             reinterpret_cast<const void*>(~std::uintptr_t{0})};

TEST_CASE("a built plugin's entry is good, and its settings become a schema") {
  const auto manifest = read_manifest(test::fixture("good"));
  REQUIRE(manifest);
  test::TempDir dir;
  auto library = Library::load(test::fixture("good"), dir.path("run"), "good", 1);
  REQUIRE(library);
  const auto checked = check_entry(library->entry(), *manifest);
  CHECK_MESSAGE(checked, checked.error());
  const auto schema = schema_from_entry(library->entry());
  REQUIRE(schema);
  CHECK(library->unload().unmapped);
  // Nothing of the plugin's memory is used any more.
  REQUIRE((*schema)->specs().size() == 1);
  const auto& spec = (*schema)->specs()[0];
  CHECK(spec.key == "demo.port");
  CHECK(spec.help == "A port");
  CHECK(spec.fallback == Value(std::int64_t{1884}));
  CHECK(spec.min == 1);
  CHECK(spec.max == 65535);
  CHECK(spec.reloadable);
}

TEST_CASE("an entry that is not as the interface wants it") {
  struct Case {
    const char* what;
    void (*break_it)(Demo&);
    const char* part;
  };
  const Case cases[] = {
      {"nothing", [](Demo&) {}, ""},
      {"size 0", [](Demo& demo) { demo.entry.size = 0; }, "has the size 0"},
      {"too small", [](Demo& demo) { demo.entry.size = 12; }, "has the size 12"},
      {"too large", [](Demo& demo) { demo.entry.size = 0x7fffffff; }, "sizeof(keel_plugin_entry)"},
      {"magic", [](Demo& demo) { demo.entry.magic = 7; }, "has the magic 0x7, not 0x4b45454c"},
      {"no info", [](Demo& demo) { demo.entry.info = nullptr; }, "`info` points nowhere"},
      {"other info", [](Demo& demo) { std::strcpy(demo.info.version, "1.0.1"); },
       "(demo 1.0.1, not demo 1.0.0)"},
      {"broken info", [](Demo& demo) { demo.info.magic[0] = 'x'; }, "not the kernel's"},
      {"no create", [](Demo& demo) { demo.entry.create = nullptr; }, "no create()"},
      {"create is data",
       [](Demo& demo) {
         demo.entry.create = reinterpret_cast<decltype(demo.entry.create)>(&demo.info);
       },
       "not code"},
      {"no settings", [](Demo& demo) { demo.entry.settings = nullptr; }, "setting 1"},
      {"endless settings", [](Demo& demo) { demo.entry.settings_count = 0xffffffff; },
       "there can be 1000"},
      {"no settings at all",
       [](Demo& demo) {
         demo.entry.settings = nullptr;
         demo.entry.settings_count = 0;
       },
       ""},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    Demo demo;
    test.break_it(demo);
    const auto error = demo.error();
    CHECK(error.empty() == (*test.part == '\0'));
    CHECK_MESSAGE(error.find(test.part) != std::string::npos, error);
  }
}

TEST_CASE("wild pointers are errors") {
  for (const void* wild : kWild) {
    CAPTURE(wild);
    CHECK_FALSE(check_entry(static_cast<const keel_plugin_entry*>(wild), Manifest{}));
    CHECK_FALSE(schema_from_entry(static_cast<const keel_plugin_entry*>(wild)));
    CHECK_FALSE(schema_from_settings(static_cast<const keel_setting*>(wild), 3));
    Demo demo;
    demo.entry.info = static_cast<const keel_plugin_info*>(wild);
    CHECK_FALSE(demo.error().empty());
    demo = Demo();
    demo.entry.info = &demo.info;
    demo.entry.settings = static_cast<const keel_setting*>(wild);
    CHECK_FALSE(demo.error().empty());
    demo.entry.settings = demo.settings.data();
    demo.entry.create = reinterpret_cast<decltype(demo.entry.create)>(const_cast<void*>(wild));
    CHECK_FALSE(demo.error().empty());
    const auto* const text = static_cast<const char*>(wild);
    auto one = setting(KEEL_SETTING_CHOICE, "a.b", "x");
    one.choices = "x|y";
    CHECK(schema_error(one).empty());
    for (auto member : {&keel_setting::key, &keel_setting::help, &keel_setting::choices,
                        &keel_setting::fallback}) {
      auto broken = one;
      broken.*member = text;
      CHECK_FALSE(schema_error(broken).empty());
    }
  }
}

TEST_CASE("texts and arrays that run into the end of the memory") {
  constexpr std::size_t kPage = 4096;
  auto* const pages = static_cast<char*>(
      ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  REQUIRE(pages != MAP_FAILED);
  REQUIRE(::mprotect(pages + kPage, kPage, PROT_NONE) == 0);
  char* const end = pages + kPage;
  std::memcpy(end - 8, "demo.key", 8);
  CHECK_FALSE(schema_error(setting(KEEL_SETTING_INT, end - 8)).empty());
  end[-1] = '\0';
  CHECK(schema_error(setting(KEEL_SETTING_INT, end - 8)).empty());

  const auto one = setting(KEEL_SETTING_INT, "a.b");
  std::memcpy(end - sizeof one, &one, sizeof one);
  const auto* const last = reinterpret_cast<const keel_setting*>(end - sizeof one);
  CHECK(schema_from_settings(last, 1));
  const auto beyond = schema_from_settings(last, 2);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().find("setting 2") != std::string::npos);
  ::munmap(pages, 2 * kPage);
}

TEST_CASE("settings that make no sense") {
  struct Case {
    keel_setting one;
    const char* part;
  };
  const auto with = [](keel_setting one, auto change) {
    change(one);
    return one;
  };
  const Case cases[] = {
      {setting(0, "a.b"), "has the type 0"},
      {setting(11, "a.b"), "has the type 11"},
      {setting(KEEL_SETTING_INT, ""), "has the key ''"},
      {setting(KEEL_SETTING_INT, "a..b"), "has the key 'a..b'"},
      {setting(KEEL_SETTING_INT, ".a"), "has the key"},
      {setting(KEEL_SETTING_INT, "a.b c"), "has the key"},
      {setting(KEEL_SETTING_INT, "*.b"), "has the key"},
      {setting(KEEL_SETTING_INT, "a.b*"), "has the key"},
      {setting(KEEL_SETTING_INT, "a.b\nc"), "has the key 'a.b\\x0ac'"},
      {setting(KEEL_SETTING_INT, nullptr), "(no text)"},
      {setting(KEEL_SETTING_INT, "a", "x"), "has a default that is \"x\"; give a whole number"},
      {setting(KEEL_SETTING_BOOL, "a", "maybe"), "has a default that"},
      {setting(KEEL_SETTING_DURATION, "a", "fast"), "has a default that"},
      {setting(KEEL_SETTING_ADDRESS, "a", "nowhere:x"), "has a default that"},
      {setting(KEEL_SETTING_TABLE, "a", "x"), "which has no default"},
      {setting(KEEL_SETTING_CHOICE, "a"), "needs choices"},
      {with(setting(KEEL_SETTING_CHOICE, "a", "z"), [](auto& one) { one.choices = "x|y"; }),
       "give \"x\" or \"y\""},
      {with(setting(KEEL_SETTING_CHOICE, "a"), [](auto& one) { one.choices = "x||y"; }),
       "needs choices"},
      {with(setting(KEEL_SETTING_CHOICE, "a"), [](auto& one) { one.choices = "x|x"; }),
       "needs choices"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.choices = "x|y"; }),
       "KEEL_SETTING_CHOICE"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.min = 5, one.max = 4; }),
       "min above its max"},
      {with(setting(KEEL_SETTING_INT, "a", "9"), [](auto& one) { one.min = 1, one.max = 4; }),
       "from 1 to 4"},
      {with(setting(KEEL_SETTING_DURATION, "a"), [](auto& one) { one.unit_ms = -1; }),
       "negative unit_ms"},
      {with(setting(KEEL_SETTING_INT, "a", "1"),
            [](auto& one) { one.flags = KEEL_SETTING_REQUIRED; }),
       "is required and has a default"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.help = "two\nlines"; }),
       "more than one line"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.help = "\xff"; }), "not UTF-8"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.size = 0; }), "no keel_setting"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.size = 70; }), "no keel_setting"},
      {with(setting(KEEL_SETTING_INT, "a"), [](auto& one) { one.size = 1 << 20; }),
       "no keel_setting"},
  };
  for (const auto& test : cases) {
    const auto error = schema_error(test.one);
    CHECK_MESSAGE(error.find(test.part) != std::string::npos, test.part << " / " << error);
  }
}

TEST_CASE("keys that collide") {
  const keel_setting twice[] = {setting(KEEL_SETTING_INT, "a.b"),
                                setting(KEEL_SETTING_BOOL, "a.b")};
  CHECK_FALSE(schema_from_settings(twice, 2));
  const keel_setting inside[] = {setting(KEEL_SETTING_INT, "a.b.c"),
                                 setting(KEEL_SETTING_TABLE, "a.b"),
                                 setting(KEEL_SETTING_INT, "a.b-c")};
  const auto schema = schema_from_settings(inside, 3);
  REQUIRE_FALSE(schema);
  CHECK(schema.error() == "setting 'a.b.c' of its entry lies in the table 'a.b'");
  const keel_setting both[] = {setting(KEEL_SETTING_STRING, "auth.req"),
                               setting(KEEL_SETTING_STRING, "auth.req.method")};
  CHECK(schema_from_settings(both, 2));
}

TEST_CASE("every type with its default") {
  auto choice = setting(KEEL_SETTING_CHOICE, "t.choice", "b");
  choice.choices = "a|b";
  auto duration = setting(KEEL_SETTING_DURATION, "t.minutes", "15");
  duration.unit_ms = 60'000;
  const keel_setting all[] = {setting(KEEL_SETTING_BOOL, "t.bool", "on"),
                              setting(KEEL_SETTING_INT, "t.int", "-5"),
                              setting(KEEL_SETTING_FLOAT, "t.float", "0.5"),
                              setting(KEEL_SETTING_STRING, "t.string", "007"),
                              setting(KEEL_SETTING_STRING, "t.empty", ""),
                              setting(KEEL_SETTING_STRINGS, "t.strings", "a, b"),
                              setting(KEEL_SETTING_DURATION, "t.duration", "15m"),
                              duration,
                              setting(KEEL_SETTING_SIZE, "t.size", "64KB"),
                              choice,
                              setting(KEEL_SETTING_ADDRESS, "t.address", "1884"),
                              setting(KEEL_SETTING_TABLE, "t.table"),
                              setting(KEEL_SETTING_INT, "t.none")};
  const auto schema = schema_from_settings(all, std::size(all));
  REQUIRE_MESSAGE(schema, schema.error());
  const auto loaded = load_plugin_settings(*schema, {.text = "", .plugin = "t"});
  REQUIRE(loaded);
  const auto& values = loaded->values;
  const auto is = [&]<class T>(const char* key, const T& value) {
    const T* const got = values.get<T>(key);
    CHECK_MESSAGE((got != nullptr && *got == value), key);
  };
  is("t.bool", true);
  is("t.int", std::int64_t{-5});
  is("t.float", 0.5);
  is("t.string", std::string("007"));
  is("t.empty", std::string());
  is("t.strings", std::vector<std::string>{"a", "b"});
  is("t.duration", std::int64_t{900'000});
  is("t.minutes", std::int64_t{900'000});
  is("t.size", std::int64_t{65'536});
  is("t.choice", std::string("b"));
  is("t.address", std::string("1884"));
  CHECK(values.find("t.none").spec != nullptr);
  CHECK(values.find("t.none").value == nullptr);
  CHECK(values.find("t.nothing").spec == nullptr);
}

TEST_CASE("an array of a later version, with longer structs") {
  struct Longer {
    keel_setting known;
    std::uint64_t later[3];
  };
  Longer settings[2] = {{setting(KEEL_SETTING_INT, "a.b", "1"), {~0ull, ~0ull, ~0ull}},
                        {setting(KEEL_SETTING_INT, "a.c", "2"), {~0ull, ~0ull, ~0ull}}};
  for (auto& one : settings) one.known.size = sizeof(Longer);
  const auto schema = schema_from_settings(&settings[0].known, 2);
  REQUIRE(schema);
  CHECK((*schema)->specs()[1].key == "a.c");
  settings[1].known.size = sizeof(keel_setting);
  CHECK_FALSE(schema_from_settings(&settings[0].known, 2));
}

}  // namespace
}  // namespace keel::kernel
