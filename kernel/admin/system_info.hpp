// What the operating system says about this process. Cheap reads of /proc; [any].
#pragma once

#include <array>
#include <cstdint>

namespace keel::kernel {

struct ProcessMemory {  // bytes
  std::uint64_t resident = 0, resident_peak = 0, anonymous = 0, virtual_size = 0;
};
ProcessMemory process_memory();

struct HeapUse {  // bytes, as the allocator counts them
  std::uint64_t used = 0, free = 0, mapped = 0;
};
// Walks the allocator's free lists under its locks: for a command, not for every minute.
HeapUse heap_use();

std::array<double, 3> load_averages();  // 1, 5 and 15 minutes
std::uint64_t thread_count();
std::uint64_t open_descriptors();
std::uint64_t max_descriptors();

}  // namespace keel::kernel
