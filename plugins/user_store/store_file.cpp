#include "user_store/store_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "user_store/crypto.hpp"

namespace user_store {
namespace {

constexpr std::size_t kChunk = 1 << 20;
constexpr std::size_t kMostLine = 1 << 20;
constexpr std::size_t kSecretBytes = 32;

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool sync_directory_of(const std::string& path) {
  const std::size_t cut = path.rfind('/');
  const std::string directory = cut == std::string::npos ? "." : path.substr(0, cut + 1);
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = ::fsync(fd) == 0;
  ::close(fd);
  return done;
}

// Hands out lines, and remembers the first that is damaged: it may be the torn end of the file.
class Loader {
 public:
  Loader(const StoreFile::Take& take, std::string& secret) : take_(take), secret_(secret) {}

  void line(std::string_view text, bool ended) {
    ++number_;
    std::string problem;
    if (!ended) {
      problem = "the last line has no end";
    } else if (number_ == 1) {
      if (auto secret = parse_header(text, problem)) {
        secret_ = std::move(*secret);
        return good(text);
      }
    } else if (const auto entry = parse_line(text, problem)) {
      take_(*entry);
      return good(text);
    }
    if (bad_line_ == 0) bad_line_ = number_, problem_ = std::move(problem);
    torn_ = torn_ || !ended || text.find('\0') != std::string_view::npos;
  }
  // Only what a crash can leave: nothing good behind it, and cut off or never written (zeros).
  bool torn() const { return bad_line_ > 1 && torn_ && !good_after_bad_; }
  std::size_t bad_line() const { return bad_line_; }
  const std::string& problem() const { return problem_; }
  std::size_t good_bytes() const { return good_bytes_; }
  std::size_t lines() const { return number_ == 0 ? 0 : number_ - 1; }

 private:
  void good(std::string_view text) {
    if (bad_line_ != 0) good_after_bad_ = true;
    good_bytes_ += text.size() + 1;
  }

  const StoreFile::Take& take_;
  std::string& secret_;
  std::size_t number_ = 0, bad_line_ = 0, good_bytes_ = 0;
  std::string problem_;
  bool torn_ = false, good_after_bad_ = false;
};

}  // namespace

keel::Status StoreFile::failed(std::string_view what) const {
  return keel::Status::error(keel::concat("cannot ", what, ' ', path_, ": ", std::strerror(errno)),
                             KEEL_E_IO);
}

keel::Status StoreFile::open(const std::string& path, const Take& take) {
  close();
  path_ = path;
  notice_.clear();
  lock_fd_ = ::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0) return failed("make the lock beside");
  if (::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    return keel::Status::error(path + " is in use by another plugin or broker", KEEL_E_EXISTS);
  }
  bool made = false;
  KEEL_TRY(open_checked(made));
  if (made) {
    secret_ = random_bytes(kSecretBytes);
    return rewrite([](const Emit&) {});
  }
  return load(take);
}

keel::Status StoreFile::open_checked(bool& made) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd_ < 0 && errno == ENOENT) {
    made = true;
    return {};
  }
  struct stat status {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) return failed("open");
  if (!S_ISREG(status.st_mode)) return keel::Status::error(path_ + " is no file");
  if (status.st_mode & 022) {
    return keel::Status::error(path_ + " can be written by others; chmod 600 it", KEEL_E_DENIED);
  }
  if (status.st_mode & 044) notice_ = path_ + " can be read by others; chmod 600 it";
  made = status.st_size == 0;
  return {};
}

keel::Status StoreFile::load(const Take& take) {
  Loader loader(take, secret_);
  std::string buffer;
  std::size_t used = 0;
  for (bool end = false; !end;) {
    if (buffer.size() - used > kMostLine)
      return keel::Status::error(path_ + ": a line is too long");
    buffer.erase(0, std::exchange(used, 0));
    const std::size_t kept = buffer.size();
    buffer.resize(kept + kChunk);
    const ssize_t n = ::read(fd_, buffer.data() + kept, kChunk);
    if (n < 0 && errno != EINTR) return failed("read");
    buffer.resize(kept + static_cast<std::size_t>(n > 0 ? n : 0));
    end = n == 0;
    for (std::size_t cut; (cut = buffer.find('\n', used)) != std::string::npos; used = cut + 1) {
      loader.line(std::string_view(buffer).substr(used, cut - used), true);
    }
  }
  if (used < buffer.size()) loader.line(std::string_view(buffer).substr(used), false);
  if (loader.bad_line() != 0 && !loader.torn()) {
    return keel::Status::error(
        keel::concat(path_, ':', loader.bad_line(), ": ", loader.problem(),
                     "; mend or remove the line, or restore the file from a backup"));
  }
  size_ = loader.good_bytes();
  lines_ = loader.lines();
  if (loader.torn()) {
    notice_ = keel::concat(path_, ':', loader.bad_line(),
                           ": the torn end of a write that was never acknowledged is dropped");
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0 || ::fsync(fd_) != 0) {
      return failed("cut the torn end off");
    }
  }
  return {};
}

keel::Status StoreFile::append(std::string_view lines) {
  if (write_all(fd_, lines) && ::fdatasync(fd_) == 0) {
    size_ += lines.size();
    for (const char c : lines) lines_ += c == '\n' ? 1 : 0;
    return {};
  }
  keel::Status status = failed("write");
  broken_ = ::ftruncate(fd_, static_cast<off_t>(size_)) != 0 || ::fsync(fd_) != 0;
  return status;
}

keel::Status StoreFile::rewrite(const std::function<void(const Emit& emit)>& write) {
  const std::string fresh = path_ + ".new";
  ::unlink(fresh.c_str());  // of a crash
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return failed("write beside");
  std::string buffer = header_line(secret_);
  std::size_t bytes = buffer.size(), count = 0;
  bool well = true;
  write([&](std::string_view name, std::string_view value) {
    const std::string line = to_line(name, value);
    buffer += line;
    bytes += line.size();
    ++count;
    if (buffer.size() < kChunk) return;
    well = well && write_all(fd, buffer);
    buffer.clear();
  });
  well = well && write_all(fd, buffer) && ::fsync(fd) == 0 &&
         ::rename(fresh.c_str(), path_.c_str()) == 0;
  if (!well) {
    keel::Status status = failed("write anew");
    ::close(fd);
    ::unlink(fresh.c_str());
    return status;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  size_ = bytes;
  lines_ = count;
  broken_ = false;
  if (!sync_directory_of(path_)) return failed("sync the directory of");
  return {};
}

void StoreFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  if (lock_fd_ >= 0) ::close(std::exchange(lock_fd_, -1));
  size_ = lines_ = 0;
  broken_ = false;
}

}  // namespace user_store
