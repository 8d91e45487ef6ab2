#include "kernel/base/file_replacement.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace keel::kernel {
namespace {

// The rename itself is safe only once the folder is on the disk.
void sync_folder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

FileReplacement::FileReplacement(std::string path, unsigned mode)
    : path_(std::move(path)), temporary_(path_ + ".new") {
  ::unlink(temporary_.c_str());
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd_ < 0) error_ = errno;
}

FileReplacement::~FileReplacement() {
  if (fd_ >= 0) fail();
}

void FileReplacement::write(std::string_view text) {
  while (fd_ >= 0 && !text.empty()) {
    const ssize_t done = ::write(fd_, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail();
    text.remove_prefix(static_cast<std::size_t>(done));
  }
}

int FileReplacement::commit() {
  if (fd_ >= 0 && ::fsync(fd_) != 0) fail();
  if (fd_ < 0) return error_;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail();
    return error_;
  }
  ::close(std::exchange(fd_, -1));
  sync_folder(path_);
  return 0;
}

void FileReplacement::fail() {
  error_ = errno;
  ::close(std::exchange(fd_, -1));
  ::unlink(temporary_.c_str());
}

}  // namespace keel::kernel
