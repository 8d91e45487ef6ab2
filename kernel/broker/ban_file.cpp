#include "kernel/broker/ban_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "kernel/base/log.hpp"
#include "kernel/broker/ban_text.hpp"

namespace keel::kernel {
namespace {

constexpr std::string_view kHead =
    "# Who is banned, as `ctl banned` keeps it. Read when the broker starts, written anew by it.\n";
constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kBadShown = 10;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

bool write_bans(int fd, const BanTable& bans) {
  std::string piece(kHead);
  for (const BanPtr& ban : bans.all()) {
    piece += print_ban(*ban) += '\n';
    if (piece.size() < kPiece) continue;
    if (!write_all(fd, piece)) return false;
    piece.clear();
  }
  return write_all(fd, piece) && ::fsync(fd) == 0;
}

// The rename itself is safe only once the folder is on the disk.
void sync_folder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<void> BanFile::read(const std::function<Result<void>(Ban)>& take) const {
  std::error_code failed;
  const auto status = std::filesystem::status(path_, failed);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  std::ifstream in;
  if (status.type() == std::filesystem::file_type::regular) in.open(path_);
  if (!in.is_open())
    return Error{
        fmt::format("{}: cannot be read, and it says who is banned; make it a file that "
                    "the broker may read, or remove it",
                    path_)};
  std::size_t number = 0, bad = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    auto ban = parse_ban(line);
    const Result<void> taken = ban ? take(std::move(*ban)) : Result<void>(Error{ban.error()});
    if (!taken && ++bad <= kBadShown)
      KEEL_LOG(error, "{}:{}: passed over: {}", path_, number, taken.error());
  }
  if (in.bad()) return Error{fmt::format("{}: cannot be read to its end", path_)};
  if (bad == 0) return {};
  const std::string aside = path_ + ".bad";
  std::filesystem::copy_file(path_, aside, std::filesystem::copy_options::overwrite_existing,
                             failed);
  KEEL_LOG(error, "{}: {} lines ban nobody; {}", path_, bad,
           failed ? "a copy could not be made: " + failed.message()
                  : "the file as it was is kept as " + aside);
  return {};
}

Result<void> BanFile::write(const BanTable& bans) const {
  const std::string temporary = path_ + ".new";
  const auto failed = [&](int cause) {
    ::unlink(temporary.c_str());
    return Error{
        fmt::format("{}: cannot be written ({}); what changed holds until the broker "
                    "stops: make kernel.data_dir writable",
                    path_, std::strerror(cause))};
  };
  ::unlink(temporary.c_str());  // of a crash
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed(errno);
  const bool written = write_bans(fd, bans);
  const int cause = errno;
  ::close(fd);
  if (!written) return failed(cause);
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return failed(errno);
  sync_folder(path_);
  return {};
}

}  // namespace keel::kernel
