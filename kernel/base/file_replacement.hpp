// Replaces a file as a whole, so that a crash leaves the old one or the new one: written beside it,
// put on the disk, renamed. One object per replacement; blocks. [one thread at a time]
#pragma once

#include <string>
#include <string_view>

namespace keel::kernel {

class FileReplacement {
 public:
  // Until it is complete the new file is `path` with ".new" behind it; what a crash left there is
  // removed. `mode`: its permissions.
  FileReplacement(std::string path, unsigned mode);
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;
  ~FileReplacement();  // without commit(): the old file stays

  // In order, any number of pieces. After a failure the rest does nothing.
  void write(std::string_view text);
  // Answers 0, or the errno of the first step that failed; the old file then stays.
  int commit();

 private:
  void fail();

  const std::string path_, temporary_;
  int fd_;
  int error_ = 0;
};

}  // namespace keel::kernel
