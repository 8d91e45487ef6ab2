#include "tools/plugin_check/unresolved.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "tools/plugin_check/elf_file.hpp"

namespace keel::check {
namespace {

// What the sanitizers' runtimes define; with clang they are part of the program.
constexpr std::array kRuntimes{"__asan_",      "__tsan_", "__ubsan_",
                               "__sanitizer_", "__lsan_", "__sancov_"};

bool from_runtime(std::string_view symbol) {
  return std::ranges::any_of(kRuntimes, [&](const char* p) { return symbol.starts_with(p); });
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> piece;
  while (true) {
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
}

std::string trace(std::string loader, std::string file) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const std::array arguments{loader.data(), file.data(), static_cast<char*>(nullptr)};
  std::string mode = "LD_TRACE_LOADED_OBJECTS=1", warn = "LD_WARN=yes", now = "LD_BIND_NOW=yes";
  const std::array environment{mode.data(), warn.data(), now.data(), static_cast<char*>(nullptr)};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, loader.c_str(), &actions, nullptr, arguments.data(),
                                   environment.data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output = failed == 0 ? read_all(ends[0]) : std::string{};
  ::close(ends[0]);
  while (failed == 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return output;
}

}  // namespace

Unresolved find_unresolved(const std::string& file, std::uint16_t machine) {
  const ElfFile self("/proc/self/exe");
  if (machine != self.machine() || self.interpreter().empty()) return {};
  return parse_unresolved(trace(self.interpreter(), std::filesystem::absolute(file)));
}

Unresolved parse_unresolved(const std::string& output) {
  constexpr std::string_view kUndefined = "undefined symbol: ", kNotFound = " => not found";
  Unresolved result;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (const auto at = line.find(kUndefined); at != std::string::npos) {
      std::string symbol = line.substr(at + kUndefined.size());
      symbol.resize(std::min(symbol.find_first_of("\t ,("), symbol.size()));
      if (!from_runtime(symbol)) result.symbols.push_back(symbol);
    } else if (const auto end = line.find(kNotFound); end != std::string::npos) {
      const auto begin = line.find_first_not_of("\t ");
      result.libraries.push_back(line.substr(begin, end - begin));
    }
  }
  return result;
}

}  // namespace keel::check
