// The ban list on the disk: a file that is replaced as a whole, so that a crash leaves the old one
// or the new one. [one thread at a time; blocks]
#pragma once

#include <functional>
#include <string>

#include "kernel/base/ban_table.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

class BanFile {
 public:
  explicit BanFile(std::string path) : path_(std::move(path)) {}

  // Hands over what the file holds, line by line; no file: nothing. A line that cannot be read, or
  // that `take` refuses, is logged and passed over, and the file as it was is kept beside, with
  // ".bad" behind its name. An error: it cannot be read at all, so nobody knows who is banned.
  Result<void> read(const std::function<Result<void>(Ban)>& take) const;
  Result<void> write(const BanTable& bans) const;

 private:
  std::string path_;
};

}  // namespace keel::kernel
