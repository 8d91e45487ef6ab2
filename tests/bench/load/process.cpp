#include "process.hpp"

#include <time.h>

#include <fstream>
#include <string>
#include <string_view>

#include "clock.hpp"

namespace keel::load {
namespace {

// The sum of the numbers behind those keys in /proc/<pid>/<file>.
template <class... Keys>
std::uint64_t sum_of(pid_t pid, const char* file, Keys... keys) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
  std::uint64_t sum = 0;
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view key = std::string_view(line).substr(0, colon);
    if (((key == keys) || ...)) sum += std::stoull(line.substr(colon + 1));
  }
  return sum;
}

}  // namespace

std::uint64_t Process::cpu_ns() const {
  clockid_t clock{};  // of all its threads, finer than the ticks in /proc/<pid>/stat
  if (!known() || clock_getcpuclockid(pid_, &clock) != 0) return 0;
  return read_clock(clock);
}

Memory Process::memory() const {
  if (!known()) return {};
  return {sum_of(pid_, "status", "VmRSS") * 1024, sum_of(pid_, "status", "VmHWM") * 1024,
          sum_of(pid_, "smaps_rollup", "Anonymous", "Swap") * 1024};
}

std::uint64_t Process::written() const { return known() ? sum_of(pid_, "io", "write_bytes") : 0; }

}  // namespace keel::load
