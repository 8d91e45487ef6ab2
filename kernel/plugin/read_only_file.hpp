// A file opened for reading, whatever it turns out to be: opening a pipe does not wait. Closes
// itself.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

namespace keel::kernel {

class ReadOnlyFile {
 public:
  explicit ReadOnlyFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)) {}
  ReadOnlyFile(const ReadOnlyFile&) = delete;
  ReadOnlyFile& operator=(const ReadOnlyFile&) = delete;
  ~ReadOnlyFile() {
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const { return fd_; }  // negative: could not be opened, see errno

  // Up to `count` bytes; fewer only at the end of the file. Negative: see errno.
  ssize_t read_some(std::uint64_t offset, char* to, std::size_t count) const {
    std::size_t done = 0;
    while (done < count) {
      const ssize_t got = ::pread(fd_, to + done, count - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return got;
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(done);
  }
  // All of it or false.
  bool read(std::uint64_t offset, char* to, std::size_t count) const {
    return read_some(offset, to, count) == static_cast<ssize_t>(count);
  }

 private:
  int fd_;
};

}  // namespace keel::kernel
