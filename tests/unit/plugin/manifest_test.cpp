#include "kernel/plugin/manifest.hpp"

#include <doctest/doctest.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "keel/abi.h"
#include "tests/unit/plugin/support.hpp"

namespace keel::kernel {
namespace {

namespace fs = std::filesystem;

// A copy of the good plugin whose bytes can be changed.
class Patched {
 public:
  Patched() : bytes_(test::read_file(test::fixture("good"))) {
    REQUIRE(bytes_.size() > sizeof(Elf64_Ehdr));
    info_at_ = bytes_.find(std::string_view(KEEL_INFO_MAGIC, 8));
    REQUIRE(info_at_ != std::string::npos);
  }

  std::string& bytes() { return bytes_; }
  Elf64_Ehdr& header() { return *reinterpret_cast<Elf64_Ehdr*>(bytes_.data()); }
  keel_plugin_info& info() { return *reinterpret_cast<keel_plugin_info*>(&bytes_[info_at_]); }
  Elf64_Shdr& section(std::string_view name) {
    auto* const all = reinterpret_cast<Elf64_Shdr*>(&bytes_[header().e_shoff]);
    const char* const names = &bytes_[all[header().e_shstrndx].sh_offset];
    for (int i = 0; i < header().e_shnum; ++i) {
      if (name == names + all[i].sh_name) return all[i];
    }
    REQUIRE(false);
    return all[0];
  }
  template <std::size_t N>
  void set(char (&field)[N], std::string_view text) {
    std::memset(field, 0, N);
    std::memcpy(field, text.data(), std::min(text.size(), N));
  }

  ManifestResult read(std::string_view name = "good") const {
    const auto source = [this](std::uint64_t offset, char* to, std::size_t count) {
      if (offset > bytes_.size() || count > bytes_.size() - offset) return false;
      std::memcpy(to, bytes_.data() + offset, count);
      return true;
    };
    return read_manifest_image({bytes_.size(), source}, name, "good.so");
  }

 private:
  std::string bytes_;
  std::size_t info_at_ = 0;
};

void check_refused(const ManifestResult& result, Refusal code, std::string_view part) {
  REQUIRE_FALSE(result);
  CHECK(refusal_name(result.code()) == refusal_name(code));
  CHECK_MESSAGE(result.error().find(part) != std::string::npos, result.error());
  CHECK_MESSAGE(result.error().find("; ") != std::string::npos, result.error());  // a remedy
  CHECK(result.error().find('\n') == std::string::npos);
}

TEST_CASE("a good plugin says what it is, without being loaded") {
  const auto manifest = read_manifest(test::fixture("good"));
  REQUIRE_MESSAGE(manifest, manifest.error());
  CHECK(manifest->name == "good");
  CHECK(manifest->version == "1.2.3");
  CHECK(manifest->summary == "Does nothing");
  CHECK(manifest->depends == std::vector<std::string>{"emqx_a", "emqx_b"});
  CHECK(manifest->abi_major == KEEL_ABI_MAJOR);
  CHECK(manifest->abi_minor == 0);
  CHECK(manifest->flags == 0);
  CHECK_FALSE(manifest->stamp.empty());
  CHECK(manifest->warnings.empty());
  CHECK(manifest->elf.further_export_count == 0);
  REQUIRE(manifest->elf.entry);
  CHECK(manifest->elf.entry->size == sizeof(keel_plugin_entry));
}

TEST_CASE("what will keep a plugin mapped is a warning") {
  const auto warning = [](std::string_view name) {
    const auto manifest = read_manifest(test::fixture(name));
    REQUIRE_MESSAGE(manifest, manifest.error());
    REQUIRE(manifest->warnings.size() == 1);
    return manifest->warnings[0];
  };
  CHECK(warning("exports").find("exports more than its entry (further_") != std::string::npos);
  CHECK(warning("nodelete").find("-z nodelete") != std::string::npos);
  CHECK(warning("thread_exit").find("thread_local") != std::string::npos);
  if (fs::exists(test::fixture("unique"))) {
    CHECK(warning("unique").find("unique symbols (_ZN7fixture7CounterIiE5valueE)") !=
          std::string::npos);
  }
}

TEST_CASE("an entry that is missing, or no data, is refused") {
  check_refused(read_manifest(test::fixture("no_entry")), Refusal::no_entry,
                "does not export keel_plugin_entry_v1");
  check_refused(read_manifest(test::fixture("function_entry")), Refusal::no_entry,
                "something else called keel_plugin_entry_v1");
}

TEST_CASE("files for something else are refused by what they are for") {
  struct Case {
    const char* what;
    void (*patch)(Patched&);
    Refusal code;
    const char* part;
  };
  const Case cases[] = {
      {"no ELF", [](Patched& file) { file.bytes() = "#!/bin/sh\nexit 0\n"; },
       Refusal::wrong_architecture, "not an ELF file"},
      {"empty", [](Patched& file) { file.bytes().clear(); }, Refusal::wrong_architecture,
       "not an ELF file"},
      {"machine", [](Patched& file) { file.header().e_machine = EM_S390; },
       Refusal::wrong_architecture, "it is for S/390"},
      {"odd machine", [](Patched& file) { file.header().e_machine = 0xbeef; },
       Refusal::wrong_architecture, "it is for machine 48879"},
      {"class", [](Patched& file) { file.header().e_ident[EI_CLASS] = ELFCLASS32; },
       Refusal::wrong_architecture, "32-bit"},
      {"byte order", [](Patched& file) { file.header().e_ident[EI_DATA] = ELFDATA2MSB; },
       Refusal::wrong_architecture, "big-endian"},
      {"executable", [](Patched& file) { file.header().e_type = ET_EXEC; },
       Refusal::wrong_architecture, "not a shared object"},
      {"section table", [](Patched& file) { file.header().e_shoff = ~std::uint64_t{0} - 8; },
       Refusal::truncated, "section table"},
      {"section names", [](Patched& file) { file.header().e_shstrndx = 0x7fff; },
       Refusal::truncated, "section table"},
      {"section range", [](Patched& file) { file.section(".keel.plugin").sh_offset = 1ull << 40; },
       Refusal::truncated, ".keel.plugin lies outside"},
      {"section overflow",
       [](Patched& file) {
         file.section(".keel.plugin").sh_offset = 8;
         file.section(".keel.plugin").sh_size = ~std::uint64_t{0} - 4;
       },
       Refusal::truncated, ".keel.plugin lies outside"},
      {"section size", [](Patched& file) { file.section(".keel.plugin").sh_size = 100; },
       Refusal::truncated, "cut off"},
      {"section missing", [](Patched& file) { file.section(".keel.plugin").sh_name += 1; },
       Refusal::missing_section, "no section .keel.plugin"},
      {"no sections", [](Patched& file) { file.header().e_shnum = 0; }, Refusal::missing_section,
       "no section .keel.plugin"},
      {"symbol names", [](Patched& file) { file.section(".dynsym").sh_link = 10'000; },
       Refusal::truncated, "symbol table"},
      {"symbols", [](Patched& file) { file.section(".dynsym").sh_offset = 1ull << 50; },
       Refusal::truncated, ".dynsym lies outside"},
      {"dynamic", [](Patched& file) { file.section(".dynstr").sh_size = 1; }, Refusal::truncated,
       "name of a symbol"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    Patched file;
    test.patch(file);
    check_refused(file.read(), test.code, test.part);
  }
}

TEST_CASE("every shortened file is refused, none is read beyond its end") {
  const Patched whole;
  const std::size_t size = Patched().bytes().size();
  for (std::size_t length = 0; length < size; length += length < 600 ? 1 : 97) {
    Patched file;
    file.bytes().resize(length);
    CHECK_FALSE(file.read());
  }
  CHECK(whole.read());
}

TEST_CASE("what the section says is checked") {
  struct Case {
    const char* what;
    void (*patch)(Patched&);
    Refusal code;
    const char* part;
  };
  const Case cases[] = {
      {"magic", [](Patched& file) { file.section(".keel.plugin").sh_offset += 8; },
       Refusal::bad_magic, "not the kernel's"},
      {"major", [](Patched& file) { file.info().abi_major = 0; }, Refusal::abi_too_old,
       "made for version 0"},
      {"next major", [](Patched& file) { file.info().abi_major = KEEL_ABI_MAJOR + 1; },
       Refusal::needs_newer_kernel, "use a newer broker"},
      {"minor", [](Patched& file) { file.info().abi_minor = KEEL_ABI_MINOR + 1; },
       Refusal::needs_newer_kernel, "use a newer broker"},
      {"size", [](Patched& file) { file.info().size = 8; }, Refusal::truncated, "8 bytes"},
      {"no end",
       [](Patched& file) { std::memset(file.info().summary, 'x', sizeof(file.info().summary)); },
       Refusal::bad_text, "no end"},
      {"UTF-8", [](Patched& file) { file.set(file.info().summary, "\xff\xfe"); }, Refusal::bad_text,
       "not UTF-8"},
      {"control", [](Patched& file) { file.set(file.info().stamp, "a\x1b[31m"); },
       Refusal::bad_text, "control"},
      {"newline", [](Patched& file) { file.set(file.info().name, "go\nod"); }, Refusal::bad_text,
       "control"},
      {"capitals", [](Patched& file) { file.set(file.info().name, "Good"); }, Refusal::bad_name,
       "'Good'"},
      {"path", [](Patched& file) { file.set(file.info().name, "../x"); }, Refusal::bad_name,
       "'../x'"},
      {"digit", [](Patched& file) { file.set(file.info().name, "1good"); }, Refusal::bad_name,
       "'1good'"},
      {"empty", [](Patched& file) { file.set(file.info().name, ""); }, Refusal::bad_name, "''"},
      {"other", [](Patched& file) { file.set(file.info().name, "other"); }, Refusal::name_mismatch,
       "it holds the plugin 'other', not 'good'; name the file other.so"},
      {"version", [](Patched& file) { file.set(file.info().version, "one"); }, Refusal::bad_version,
       "'one'"},
      {"version tail", [](Patched& file) { file.set(file.info().version, "1.0.0;rm"); },
       Refusal::bad_version, "write it as 1.2.3"},
      {"depends", [](Patched& file) { file.set(file.info().depends, "emqx_a,emqx_b"); },
       Refusal::bad_depends, "spaces"},
  };
  for (const auto& test : cases) {
    CAPTURE(test.what);
    Patched file;
    test.patch(file);
    check_refused(file.read(), test.code, test.part);
  }
  for (const char* version : {"1.0", "0.0.1", "1.2.3-rc.1", "10.20.30+build-5"}) {
    CAPTURE(version);
    Patched file;
    file.set(file.info().version, version);
    CHECK(file.read());
  }
}

TEST_CASE("a sanitizer that the broker does not have is refused") {
  const std::string stamp = KEEL_STAMP;
  const char* const other = stamp.ends_with("; thread") ? "12.2.0; address" : "12.2.0; thread";
  Patched file;
  file.set(file.info().stamp, other);
  check_refused(file.read(), Refusal::sanitizer_mismatch, "Sanitizer");
  file.set(file.info().stamp, "12.2.0");
  CHECK(file.read());
}

TEST_CASE("random damage never reads out of bounds") {
  std::uint32_t random = 12345;
  const auto next = [&random] { return random = random * 1'664'525 + 1'013'904'223; };
  for (int round = 0; round < 3'000; ++round) {
    Patched file;
    for (std::uint32_t i = 0; i < 1 + next() % 8; ++i) {
      // Mostly where the tables are.
      const bool head = next() % 2 == 0;
      const std::size_t tail = file.bytes().size() - file.header().e_shoff % file.bytes().size();
      const std::size_t at = head ? next() % 1'024 : file.bytes().size() - 1 - next() % tail;
      file.bytes()[at % file.bytes().size()] = static_cast<char>(next() >> 16);
    }
    const auto result = file.read();
    if (!result) CHECK_FALSE(result.error().empty());
  }
}

TEST_CASE("the file and its folder must be nobody else's to write") {
  test::TempDir dir;
  const std::string file = dir.write("good.so", test::read_file(test::fixture("good")));
  ::chmod(file.c_str(), 0644);
  CHECK(read_manifest(file));

  ::chmod(file.c_str(), 0664);
  check_refused(read_manifest(file), Refusal::writable_by_others, "chmod go-w");
  ::chmod(file.c_str(), 0646);
  check_refused(read_manifest(file), Refusal::writable_by_others, "chmod go-w");
  ::chmod(file.c_str(), 0644);

  ::chmod(dir.path().c_str(), 0777);
  check_refused(read_manifest(file), Refusal::writable_by_others, dir.path());
  ::chmod(dir.path().c_str(), 0700);

  if (::geteuid() == 0) {
    REQUIRE(::chown(file.c_str(), 4'711, 0) == 0);
    check_refused(read_manifest(file), Refusal::writable_by_others, "belongs to another user");
  }
}

TEST_CASE("links are followed, and both their places are looked at") {
  test::TempDir dir, open;
  const std::string target = dir.write("good-1.so", test::read_file(test::fixture("good")));
  ::chmod(target.c_str(), 0644);
  fs::create_symlink(target, dir.path("good.so"));
  CHECK(read_manifest(dir.path("good.so")));

  fs::create_symlink(target, open.path("good.so"));
  ::chmod(open.path().c_str(), 0777);
  check_refused(read_manifest(open.path("good.so")), Refusal::writable_by_others, open.path());
  ::chmod(open.path().c_str(), 0700);
  CHECK(read_manifest(open.path("good.so")));
  ::chmod(dir.path().c_str(), 0777);
  check_refused(read_manifest(open.path("good.so")), Refusal::writable_by_others, dir.path());

  fs::create_symlink("loop.so", dir.path("loop.so"));
  check_refused(read_manifest(dir.path("loop.so")), Refusal::not_a_file, "not a file");
}

TEST_CASE("things that are no files are refused, without waiting") {
  test::TempDir dir;
  check_refused(read_manifest(dir.path("good.so")), Refusal::not_found, "ctl plugins list");
  fs::create_directory(dir.path("folder.so"));
  check_refused(read_manifest(dir.path("folder.so")), Refusal::not_a_file, "not a file");
  REQUIRE(::mkfifo(dir.path("pipe.so").c_str(), 0600) == 0);
  check_refused(read_manifest(dir.path("pipe.so")), Refusal::not_a_file, "not a file");
  check_refused(read_manifest(dir.path("good")), Refusal::bad_name, "end in .so");
  check_refused(read_manifest("/dev/null"), Refusal::bad_name, "end in .so");
}

TEST_CASE("a file of another name is read when the plugin's name is given") {
  test::TempDir dir;
  const std::string file = dir.write("good-2.so", test::read_file(test::fixture("good")));
  check_refused(read_manifest(file), Refusal::name_mismatch, "'good-2'");
  CHECK(read_manifest(file, "good"));
  check_refused(read_manifest(file, "emqx_sn"), Refusal::name_mismatch, "'emqx_sn'");
}

TEST_CASE("names of plugins") {
  for (const char* good : {"a", "emqx_sn", "x1", "abcdefghijklmnopqrstuvwxyz01234"})
    CHECK(is_plugin_name(good));
  for (const char* bad : {"", "1a", "_a", "A", "a-b", "a.b", "a/b", "a b", "\xc3\xa4",
                          "abcdefghijklmnopqrstuvwxyz012345"})
    CHECK_FALSE(is_plugin_name(bad));
}

}  // namespace
}  // namespace keel::kernel
