#include "kernel/admin/system_info.hpp"

#include <dirent.h>
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "kernel/base/function_ref.hpp"

namespace keel::kernel {
namespace {

// Calls `fn` with the name and the number of every line of /proc/self/status that has one.
void each_status(FunctionRef<void(std::string_view, std::uint64_t)> fn) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const char* const number = line.c_str() + colon + 1;
    char* end = nullptr;
    const std::uint64_t value = std::strtoull(number, &end, 10);
    if (end != number) fn(std::string_view(line).substr(0, colon), value);
  }
}

}  // namespace

ProcessMemory process_memory() {
  ProcessMemory out;
  each_status([&](std::string_view name, std::uint64_t kib) {
    if (name == "VmRSS") out.resident = kib * 1024;
    if (name == "VmHWM") out.resident_peak = kib * 1024;
    if (name == "RssAnon") out.anonymous = kib * 1024;
    if (name == "VmSize") out.virtual_size = kib * 1024;
  });
  return out;
}

HeapUse heap_use() {
  const struct mallinfo2 info = ::mallinfo2();
  return {.used = info.uordblks, .free = info.fordblks, .mapped = info.hblkhd};
}

std::array<double, 3> load_averages() {
  std::array<double, 3> out{};
  if (::getloadavg(out.data(), 3) != 3) out = {};
  return out;
}

std::uint64_t thread_count() {
  std::uint64_t threads = 0;
  each_status([&](std::string_view name, std::uint64_t value) {
    if (name == "Threads") threads = value;
  });
  return threads;
}

std::uint64_t open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/fd"), ::closedir);
  if (!dir) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(dir.get())) count += entry->d_name[0] != '.';
  return count == 0 ? 0 : count - 1;  // without the one that reads the directory
}

std::uint64_t max_descriptors() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

}  // namespace keel::kernel
