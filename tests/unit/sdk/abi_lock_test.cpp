// sdk/abi.lock says where every field of the C headers stands. What is in it stays for ever:
// structs that begin with `size` may grow at their end, everything else is fixed.
//
//   KEEL_ABI_LOCK=write unit_sdk -tc="the ABI*"    adds what was appended
//   KEEL_ABI_LOCK=force ...                        writes it anew, whatever changed: before a
//   release
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>

#include "keel/test/process.hpp"
#include "tests/unit/sdk/header_text.hpp"
#include "tests/unit/sdk/support.hpp"

using namespace keel::test;
using keel::concat;

namespace {

struct Place {
  std::size_t offset = 0, size = 0;
  bool operator==(const Place&) const = default;
};
struct Layout {
  struct Struct {
    std::size_t size = 0;
    std::map<std::string, Place> fields;
    // Only the sized ones may grow.
    bool grows() const {
      const auto first = fields.find("size");
      return first != fields.end() && first->second == Place{0, 4};
    }
  };
  std::map<std::string, Struct> structs;
  std::map<std::string, std::string> constants;  // and ids
};

Layout parse(const std::string& text) {
  Layout out;
  std::istringstream in(text);
  std::string line, current;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string kind, name, value;
    words >> kind;
    if (kind == "struct") {
      words >> current >> out.structs[current].size;
    } else if (kind == "const") {
      words >> name >> value;
      out.constants[name] = value;
    } else if (!kind.empty() && kind[0] != '#') {
      Place& place = out.structs[current].fields[kind];
      words >> place.offset >> place.size;
    }
  }
  return out;
}

const std::string kInclude = KEEL_SDK_DIR "/include";
const std::string kLock = KEEL_SDK_DIR "/abi.lock";

// What the compiler makes of the headers, as text of the lock. Nullopt: there is no compiler.
std::optional<std::string> measure() {
  if (run_command("cc --version").first != 0) return std::nullopt;
  const CHeaders headers = read_headers(kInclude);
  std::string code = "#include <stdio.h>\n";
  for (const std::string& file : headers.files) code += concat("#include \"", file, "\"\n");
  code += "int main(void) {\n";
  for (const CStruct& one : headers.structs) {
    code += concat("printf(\"struct ", one.name, " %zu\\n\", sizeof(struct ", one.name, "));\n");
    for (const std::string& field : one.fields) {
      code += concat("printf(\"  ", field, " %zu %zu\\n\", offsetof(struct ", one.name, ", ", field,
                     "), sizeof(((struct ", one.name, "*)0)->", field, "));\n");
    }
  }
  for (const std::string& name : headers.constants) {
    code += concat("printf(\"const ", name, " %lld\\n\", (long long)", name, ");\n");
  }
  for (const auto& [name, id] : headers.ids) {
    code += concat("printf(\"const ", name, " ", id, "\\n\");\n");
  }
  code += "}\n";
  const TempDir dir;
  write_file(dir.path("layout.c"), code);
  const auto built = run_command(
      concat("cc -std=c11 -I", kInclude, " ", dir.path("layout.c"), " -o ", dir.path("layout")));
  REQUIRE_MESSAGE(built.first == 0, built.second);
  const auto ran = run_command(dir.path("layout"));
  REQUIRE(ran.first == 0);
  return ran.second;
}

// What is wrong with `now`, given that `before` was promised.
std::vector<std::string> breaks(const Layout& before, const Layout& now) {
  std::vector<std::string> out;
  for (const auto& [name, old] : before.structs) {
    const auto found = now.structs.find(name);
    if (found == now.structs.end()) {
      out.push_back(name + " is gone");
      continue;
    }
    const Layout::Struct& fresh = found->second;
    if (fresh.size < old.size) out.push_back(name + " has shrunk");
    if (fresh.size > old.size && !old.grows()) out.push_back(name + " is fixed, but has grown");
    for (const auto& [field, place] : old.fields) {
      const auto there = fresh.fields.find(field);
      if (there == fresh.fields.end()) {
        out.push_back(concat(name, '.', field, " is gone"));
      } else if (!(there->second == place)) {
        out.push_back(concat(name, '.', field, " has moved or changed its size"));
      }
    }
    for (const auto& [field, place] : fresh.fields) {
      if (!old.fields.contains(field) && place.offset < old.size) {
        out.push_back(concat(name, '.', field, " is new, but not at the end"));
      }
    }
  }
  for (const auto& [name, value] : before.constants) {
    const auto found = now.constants.find(name);
    if (found == now.constants.end()) {
      out.push_back(name + " is gone");
    } else if (found->second != value) {
      out.push_back(concat(name, " was ", value, " and is ", found->second));
    }
  }
  return out;
}

std::size_t count(const Layout& layout) {
  std::size_t n = layout.constants.size();
  for (const auto& [name, one] : layout.structs) n += 1 + one.fields.size();
  return n;
}

}  // namespace

TEST_CASE("the ABI only grows at the ends of structs") {
  const std::optional<std::string> text = measure();
  if (!text) {
    MESSAGE("no C compiler: left out");
    return;
  }
  const Layout now = parse(*text), before = parse(read_file(kLock));
  const std::vector<std::string> broken = breaks(before, now);
  const char* const mode = std::getenv("KEEL_ABI_LOCK");
  const bool force = mode && std::string_view(mode) == "force";
  if (!force) {
    for (const std::string& what : broken) {
      FAIL_CHECK("the ABI is broken: " << what << " (make a new revision of the table instead)");
    }
  }
  if (mode && (force || broken.empty())) {
    write_file(
        kLock,
        "# Where every field of include/keel/**.h stands (offset, size), and what constants\n"
        "# are. Written and compared by tests/unit/sdk/abi_lock_test.cpp.\n" +
            *text,
        0644);
  } else if (broken.empty() && count(now) != count(before)) {
    MESSAGE("abi.lock lacks what was appended: run with KEEL_ABI_LOCK=write");
  }
  CHECK(now.structs.size() > 60);
  CHECK(now.structs.at("keel_ext_timer").fields.size() == 5);
  CHECK(now.structs.at("keel_addr").size == 28);
  CHECK(now.constants.at("KEEL_E_LIMIT") == "-7");
  CHECK(now.constants.at("KEEL_EXT_TIMER") == "keel.timer/1");
}

TEST_CASE("the lock's rules") {
  const Layout before = parse(
      "struct t 16\n  size 0 4\n  a 4 4\n  b 8 8\nstruct fixed 8\n  x 0 8\n"
      "const K 1\n");
  const auto now = [&](const char* text) { return breaks(before, parse(text)); };
  const std::string rest = "struct fixed 8\n  x 0 8\nconst K 1\n";
  CHECK(now(("struct t 24\n  size 0 4\n  a 4 4\n  b 8 8\n  c 16 8\n" + rest).c_str()).empty());
  for (const std::string& wrong :
       {"struct t 16\n  size 0 4\n  b 8 8\n" + rest,
        "struct t 16\n  size 0 4\n  a 8 4\n  b 8 8\n" + rest,
        "struct t 16\n  size 0 4\n  a 4 2\n  c 6 2\n  b 8 8\n" + rest, rest,
        std::string("struct t 16\n  size 0 4\n  a 4 4\n  b 8 8\nstruct fixed 16\n  x 0 8\n  y 8 8\n"
                    "const K 1\n"),
        std::string(
            "struct t 16\n  size 0 4\n  a 4 4\n  b 8 8\nstruct fixed 8\n  x 0 8\nconst K 2\n"),
        std::string("struct t 16\n  size 0 4\n  a 4 4\n  b 8 8\nstruct fixed 8\n  x 0 8\n")}) {
    CHECK_MESSAGE(!now(wrong.c_str()).empty(), wrong);
  }
}

TEST_CASE("every C header compiles alone, in C11 and C++20, with gcc and clang") {
  const CHeaders headers = read_headers(kInclude);
  CHECK(headers.files.size() > 20);
  const TempDir dir;
  std::string all;
  for (const std::string& file : headers.files) all += concat("#include \"", file, "\"\n");
  write_file(dir.path("all.c"), all + all + "int unused;\n");
  const auto compile = [&](const std::string& command, const std::string& source) {
    const auto [exit, output] = run_command(concat(
        command, " -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I", kInclude, ' ', source));
    CHECK_MESSAGE(exit == 0, command << ": " << output);
  };
  for (const char* compiler : {"gcc", "clang"}) {
    if (run_command(concat(compiler, " --version")).first != 0) continue;
    compile(concat(compiler, " -std=c11"), dir.path("all.c"));
    compile(concat(compiler, " -std=c++20 -x c++"), dir.path("all.c"));
    if (std::string_view(compiler) != "gcc") continue;
    std::string sources;
    for (std::size_t i = 0; i < headers.files.size(); ++i) {
      const std::string source = dir.path(concat(i, ".c"));
      write_file(source, concat("#include \"", headers.files[i], "\"\nint unused;\n"));
      sources += source + ' ';
    }
    compile("gcc -std=c11", sources);
  }
}
