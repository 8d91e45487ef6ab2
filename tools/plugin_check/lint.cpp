#include "tools/plugin_check/lint.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "keel/abi.h"
#include "tools/plugin_check/elf_file.hpp"
#include "tools/plugin_check/unresolved.hpp"

namespace keel::check {
namespace {

constexpr std::string_view kEntry = "keel_plugin_entry_v1";
constexpr std::size_t kNamed = 5;  // so many symbols stand in one finding

// Functions whose use is suspicious. A name that ends with `*` stands for all that begin so.
struct Suspicion {
  const char* rule;
  const char* why;
  std::array<std::string_view, 12> functions;
};

constexpr std::array kSuspicions{
    Suspicion{
        "thread-key",
        "a destructor of thread-specific data runs when the thread ends, after the plugin was "
        "unloaded: delete the key in stop(), and set no destructor",
        {"pthread_key_create", "tss_create"}},
    Suspicion{"openssl-atexit",
              "the handler runs when the broker exits, after the plugin was unloaded: clean up in "
              "stop() instead",
              {"OPENSSL_atexit"}},
    Suspicion{
        "own-thread",
        "stop() must have joined every thread that the plugin started; worker/1 runs blocking "
        "work without one",
        {"pthread_create", "thrd_create", "_ZNSt6thread15_M_start_thread*"}},
    Suspicion{"process",
              "plugins do not start processes: the broker has threads and thousands of sockets",
              {"fork", "vfork", "execv", "execve", "execvp", "execvpe", "execl", "execlp",
               "posix_spawn*", "system", "popen", "daemon"}},
    Suspicion{"signals",
              "signals belong to the broker, handlers and masks stay as they are",
              {"signal", "sigaction", "sigprocmask", "pthread_sigmask", "sigaltstack"}},
    Suspicion{"locale",
              "the locale is that of the whole process and stays as it is",
              {"setlocale", "_ZNSt6locale6global*"}},
    Suspicion{"directory",
              "the working directory is that of the whole process and stays as it is",
              {"chdir", "fchdir", "chroot"}},
    Suspicion{"exit", "it would end the whole broker", {"exit", "_exit", "_Exit", "quick_exit"}},
};

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return false;
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::string readable(const std::string& symbol) {
  constexpr std::size_t kLongest = 60;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  std::string text = status == 0 && demangled ? demangled.get() : symbol;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

// "a, b, c and 4 more"
std::string enumerate(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamed); ++i) {
    text += (i == 0 ? "" : ", ") + readable(names[i]);
  }
  if (names.size() > kNamed) text += " and " + std::to_string(names.size() - kNamed) + " more";
  return text;
}

class Linter {
 public:
  explicit Linter(const LintOptions& options) : options_(options), elf_(options.file) {}

  std::vector<Finding> run() {
    if (!elf_.shared_object()) error("kind", "is not a shared object; link it with -shared");
    if (!elf_.interpreter().empty()) error("kind", "is a program; a plugin is a shared object");
    check_info();
    check_exports();
    check_unloading();
    check_unresolved();
    check_suspicions();
    return std::move(findings_);
  }

 private:
  void error(const char* rule, std::string text) {
    findings_.push_back({Finding::Severity::error, rule, std::move(text)});
  }
  void warn(const char* rule, std::string text) {
    findings_.push_back({Finding::Severity::warning, rule, std::move(text)});
  }

  // What the broker reads before it loads the file.
  void check_info() {
    const std::string section = elf_.section(".keel.plugin");
    if (section.empty()) {
      return error(
          "info",
          "has no section .keel.plugin: use KEEL_PLUGIN (C++) or KEEL_PLUGIN_INFO (C), and "
          "let nothing strip it");
    }
    keel_plugin_info info{};
    if (section.size() < sizeof info) {
      return error("info", "its section .keel.plugin is too short for a keel_plugin_info");
    }
    std::memcpy(&info, section.data(), sizeof info);
    if (std::memcmp(info.magic, KEEL_INFO_MAGIC, sizeof info.magic) != 0) {
      return error("info", "its section .keel.plugin does not begin with KEEL_INFO_MAGIC");
    }
    if (info.abi_major != KEEL_ABI_MAJOR) {
      error("abi", "is built for ABI " + std::to_string(info.abi_major) + ", this is ABI " +
                       std::to_string(KEEL_ABI_MAJOR) + ": build it against this SDK's headers");
    }
    const std::string name = field(info.name), version = field(info.version);
    const std::string wanted = options_.name.empty()
                                   ? std::filesystem::path(options_.file).stem().string()
                                   : options_.name;
    if (name != wanted) {
      error("name", "calls itself '" + name + "', its file '" + wanted +
                        "': the broker refuses it until both are the same");
    }
    if (!options_.version.empty() && version != options_.version) {
      error("version", "calls itself version '" + version + "', the build says '" +
                           options_.version + "': use KEEL_PLUGIN_VERSION in the source");
    }
  }

  template <std::size_t N>
  static std::string field(const char (&text)[N]) {
    return std::string(text, ::strnlen(text, N));
  }

  void check_exports() {
    const ElfSymbol* entry = elf_.find(kEntry);
    if (entry == nullptr || !entry->exported) {
      error("entry",
            "does not export keel_plugin_entry_v1: use KEEL_PLUGIN (C++), or KEEL_EXPORT "
            "before its definition in C");
    }
    std::vector<std::string> others;
    for (const ElfSymbol& symbol : elf_.symbols()) {
      if (symbol.exported && symbol.name != kEntry) others.push_back(symbol.name);
    }
    if (others.empty()) return;
    error("exports",
          "exports more than its entry, so other libraries could bind to it and keep it "
          "in memory: " +
              enumerate(others) + "; link with keel-plugin.map, as keel_add_plugin does");
  }

  void check_unloading() {
    if (elf_.no_delete()) {
      error("nodelete", "is linked with -z nodelete, so it can never be unloaded");
    }
    for (const char* name : {"__cxa_thread_atexit", "__cxa_thread_atexit_impl"}) {
      const ElfSymbol* symbol = elf_.find(name);
      if (symbol == nullptr || symbol->defined || symbol->weak) continue;
      return error("thread-local",
                   "has a thread_local with a destructor, which keeps it in memory until every "
                   "thread that touched it has ended: keep such data in an array by shard");
    }
  }

  void check_unresolved() {
    const Unresolved missing = find_unresolved(options_.file, elf_.machine());
    if (!missing.libraries.empty()) {
      error("library", "needs libraries that are not found: " + enumerate(missing.libraries) +
                           "; install them or link them statically");
    }
    if (!missing.symbols.empty()) {
      error("undefined", "uses what nothing defines: " + enumerate(missing.symbols) +
                             "; name the library that has it under LIBRARIES");
    }
  }

  void check_suspicions() {
    for (const Suspicion& suspicion : kSuspicions) {
      std::vector<std::string> used;
      for (const ElfSymbol& symbol : elf_.symbols()) {
        const auto is_it = [&](std::string_view f) { return matches(f, symbol.name); };
        if (!symbol.defined && std::ranges::any_of(suspicion.functions, is_it)) {
          used.push_back(symbol.name);
        }
      }
      if (!used.empty()) warn(suspicion.rule, "uses " + enumerate(used) + ": " + suspicion.why);
    }
  }

  const LintOptions& options_;
  ElfFile elf_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> lint(const LintOptions& options) {
  try {
    return Linter(options).run();
  } catch (const std::runtime_error& error) {
    return {{Finding::Severity::error, "file", error.what()}};
  }
}

bool has_error(const std::vector<Finding>& findings) {
  return std::ranges::any_of(
      findings, [](const Finding& f) { return f.severity == Finding::Severity::error; });
}

}  // namespace keel::check
