#include "kernel/program/data_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace keel::kernel {

Result<DataDir> DataDir::open(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) {
    std::filesystem::create_directories(path, failed);
    if (failed)
      return Error{
          fmt::format("kernel.data_dir: cannot make '{}': {}; name a directory that this user "
                      "may write",
                      path, failed.message())};
    ::chmod(path.c_str(), 0700);
  }
  const std::string file = path + "/keel.lock";
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 && (errno == EMFILE || errno == ENFILE))
    return Error{fmt::format("cannot open '{}': {}; raise the limit with ulimit -n or LimitNOFILE=",
                             file, std::strerror(errno))};
  if (lock < 0)
    return Error{
        fmt::format("kernel.data_dir: cannot write '{}': {}; name a directory that this user "
                    "may write",
                    file, std::strerror(errno))};
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t got = ::pread(lock, holder, sizeof holder - 1, 0);
    ::close(lock);
    return Error{
        fmt::format("kernel.data_dir: '{}' is in use by another broker (process {}); stop that "
                    "one, or give this one its own directory with --set kernel.data_dir=...",
                    path, got > 0 ? std::string_view(holder, std::strcspn(holder, "\n")) : "?")};
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock, 0) != 0 ||
      ::pwrite(lock, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    ::close(lock);
    return Error{fmt::format("kernel.data_dir: cannot write '{}': {}", file, std::strerror(errno))};
  }
  return DataDir(lock);
}

DataDir::~DataDir() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace keel::kernel
