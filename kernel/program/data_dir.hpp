// The data directory, used by one broker at a time. Held until destroyed. [control]
#pragma once

#include <string>

#include "kernel/base/result.hpp"

namespace keel::kernel {

class DataDir {
 public:
  // Makes the directory (0700 where it is new) and takes its lock file. Errors name the process
  // that holds it.
  static Result<DataDir> open(const std::string& path);
  DataDir(DataDir&& other) noexcept : lock_(std::exchange(other.lock_, -1)) {}
  DataDir& operator=(DataDir&&) = delete;
  ~DataDir();

 private:
  explicit DataDir(int lock) : lock_(lock) {}
  int lock_;
};

}  // namespace keel::kernel
