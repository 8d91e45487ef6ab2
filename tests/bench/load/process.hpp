// What the broker's process used so far: CPU time, memory, octets written to disk.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace keel::load {

struct Memory {
  std::uint64_t resident = 0, peak = 0;  // octets
  std::uint64_t own = 0;                 // anonymous pages: without the program's and shared files'
};

class Process {
 public:
  explicit Process(pid_t pid) : pid_(pid) {}  // 0: none is known, everything is 0

  bool known() const { return pid_ > 0; }
  std::uint64_t cpu_ns() const;
  Memory memory() const;
  std::uint64_t written() const;

 private:
  pid_t pid_;
};

}  // namespace keel::load
