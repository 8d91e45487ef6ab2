#include "disk.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "clock.hpp"

namespace keel::load {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

// A file without a name.
class Scratch {
 public:
  explicit Scratch(const std::string& directory) {
    std::string name = directory + "/bench-XXXXXX";
    fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) throw_errno("cannot make a file in " + directory);
    unlink(name.c_str());
  }
  ~Scratch() { close(fd_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void write(const std::string& bytes, std::size_t offset) {
    const auto at = static_cast<off_t>(offset);
    if (pwrite(fd_, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size()))
      throw_errno("cannot write");
    if (fdatasync(fd_) != 0) throw_errno("fdatasync");
  }

 private:
  int fd_ = -1;
};

void measure(Scratch& file, const std::string& bytes, int rounds, Histogram& times) {
  for (int i = 0; i < rounds; ++i) {
    const std::uint64_t start = monotonic_ns();
    file.write(bytes, static_cast<std::size_t>(i) * bytes.size());
    times.add(monotonic_ns() - start);
  }
}

}  // namespace

void measure_disk(const std::string& directory, std::size_t size, int rounds, DiskSync& sync) {
  Scratch file(directory);
  const std::string bytes(size, 'x');
  measure(file, bytes, rounds, sync.append);
  measure(file, bytes, rounds, sync.overwrite);
}

}  // namespace keel::load
