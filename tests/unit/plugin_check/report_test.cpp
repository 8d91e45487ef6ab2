#include "tools/plugin_check/report.hpp"

#include <doctest/doctest.h>

#include "tools/plugin_check/unresolved.hpp"

using keel::check::Finding;
using keel::check::Report;

namespace {

Report sample() {
  return {.file = "a.so",
          .findings = {{Finding::Severity::warning, "own-thread", "uses \"it\""}},
          .ran = true,
          .measured = {.cycles = 2, .load_ms = 1.5, .unload_ms = 2.25, .heap_per_cycle = 3}};
}

}  // namespace

TEST_CASE("the report as text") {
  Report report = sample();
  CHECK(as_text(report) ==
        "a.so: warning: uses \"it\" [own-thread]\n"
        "a.so: 2 cycles, load 1.5 ms, unload 2.2 ms, growth per cycle: heap 3 B, memory 0 B\n"
        "a.so: ok\n");
  report.findings.push_back({Finding::Severity::error, "unmap", "stays"});
  CHECK(as_text(report).find("a.so: error: stays [unmap]\n") != std::string::npos);
  CHECK(as_text(report).ends_with("a.so: failed\n"));
  report.ran = false;
  CHECK(as_text(report).find("cycles") == std::string::npos);
}

TEST_CASE("the report as JSON") {
  Report report = sample();
  CHECK(as_json(report) ==
        R"({"file":"a.so","ok":true,"findings":[{"severity":"warning","rule":"own-thread",)"
        R"("text":"uses \"it\""}],"cycles":2,"load_ms":1.500,"unload_ms":2.250,)"
        R"("heap_bytes_per_cycle":3.0,"resident_bytes_per_cycle":0.0})"
        "\n");
  report.ran = false;
  report.findings = {{Finding::Severity::error, "x", "line\nbreak"}};
  CHECK(as_json(report) ==
        R"({"file":"a.so","ok":false,"findings":[{"severity":"error","rule":"x",)"
        R"("text":"line\u000abreak"}]})"
        "\n");
}

TEST_CASE("the loader's words about what is missing") {
  const auto found = keel::check::parse_unresolved(
      "\tlinux-vdso.so.1 (0x00007ffd5d5c2000)\n"
      "\tlibfoo.so.1 => not found\n"
      "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2c3a000000)\n"
      "undefined symbol: nothing_has_it\t(./a.so)\n"
      "undefined symbol: __asan_report_load8\t(./a.so)\n"
      "undefined symbol: _Z1fv, version V1\t(./a.so)\n");
  CHECK(found.libraries == std::vector<std::string>{"libfoo.so.1"});
  CHECK(found.symbols == std::vector<std::string>{"nothing_has_it", "_Z1fv"});
  CHECK(keel::check::parse_unresolved("").symbols.empty());
}
