#include "tools/plugin_check/lint.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

using keel::check::Finding;
using keel::check::lint;

namespace {

std::string sample(const std::string& name) { return std::string(KEEL_SAMPLES "/") + name + ".so"; }

// The rules that were broken, in order: "exports nodelete".
std::string rules(const std::vector<Finding>& findings, Finding::Severity severity) {
  std::string out;
  for (const Finding& finding : findings) {
    if (finding.severity == severity) out += (out.empty() ? "" : " ") + finding.rule;
  }
  return out;
}

std::string errors(const std::string& name) {
  return rules(lint({.file = sample(name)}), Finding::Severity::error);
}

bool mentions(const std::vector<Finding>& findings, const std::string& text) {
  return std::ranges::any_of(
      findings, [&](const Finding& f) { return f.text.find(text) != std::string::npos; });
}

std::string read_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

}  // namespace

TEST_CASE("a sound plugin has nothing to be said about") {
  CHECK(lint({.file = sample("good")}).empty());
  CHECK(lint({.file = sample("good"), .name = "good", .version = "1.0.0"}).empty());
}

TEST_CASE("each flaw is found, and nothing else") {
  CHECK(errors("no_info") == "info");
  CHECK(errors("misnamed") == "name");
  CHECK(errors("nodelete") == "nodelete");
  CHECK(errors("exports") == "exports");
  CHECK(errors("no_entry") == "entry");
  CHECK(errors("thread_local") == "thread-local");
  CHECK(errors("undefined") == "undefined");
  CHECK(mentions(lint({.file = sample("exports")}), "one_too_many"));
  CHECK(mentions(lint({.file = sample("undefined")}), "nothing_has_it"));
}

TEST_CASE("name and version are those that the build gives") {
  const auto findings = lint({.file = sample("good"), .name = "bad", .version = "2.0.0"});
  CHECK(rules(findings, Finding::Severity::error) == "name version");
  CHECK(mentions(findings, "'good'"));
  CHECK(mentions(findings, "'1.0.0'"));
}

TEST_CASE("what is only dangerous is a warning") {
  const auto findings = lint({.file = sample("suspicious")});
  CHECK_FALSE(has_error(findings));
  const std::string found = rules(findings, Finding::Severity::warning);
  for (const char* rule : {"thread-key", "openssl-atexit", "own-thread", "process", "signals",
                           "locale", "directory", "exit"}) {
    CAPTURE(rule);
    CHECK(found.find(rule) != std::string::npos);
  }
}

TEST_CASE("what is no plugin is refused with the reason") {
  const struct {
    std::string file;
    const char* cause;
  } cases[] = {
      {"/nowhere/a.so", "No such file"},
      {KEEL_SAMPLES, "is not a file"},
      {__FILE__, "is not an ELF file"},
      {"/proc/self/exe", "is a program"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.file);
    const auto findings = lint({.file = c.file});
    CHECK(has_error(findings));
    CHECK(mentions(findings, c.cause));
  }
}

TEST_CASE("damaged files are survived") {
  const std::string whole = read_file(sample("good"));
  const std::string file = KEEL_SAMPLES "/damaged.so";
  std::mt19937 random(11);
  const auto up_to = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (int i = 0; i < 200; ++i) {
    std::string bytes = whole;
    for (std::size_t n = up_to(12) + 1; n > 0; --n) {
      // The headers stand at both ends.
      const std::size_t at = up_to(2) == 0 ? up_to(512) : bytes.size() - 1 - up_to(2048);
      bytes[at] = static_cast<char>(up_to(256));
    }
    if (up_to(3) == 0) bytes.resize(up_to(bytes.size()));
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    lint({.file = file});  // an answer, whatever it is
  }
  std::filesystem::remove(file);
}
