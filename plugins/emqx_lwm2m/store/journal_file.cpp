#include "emqx_lwm2m/store/journal_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <keel/text.hpp>
#include <optional>
#include <utility>

#include "emqx_lwm2m/store/frame.hpp"

namespace lwm2m {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::uint64_t kLittleHistory = std::uint64_t{1} << 20;
constexpr int kMostKept = 100;  // files of others beside ours

bool write_at(int fd, std::string_view octets, std::uint64_t offset) {
  while (!octets.empty()) {
    const ssize_t n = ::pwrite(fd, octets.data(), octets.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return true;
}

// Appends up to `most` octets from `offset` on to `out`; fewer at the end of the file.
bool read_at(int fd, std::uint64_t offset, std::size_t most, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + most);
  std::size_t done = 0;
  while (done < most) {
    const ssize_t n =
        ::pread(fd, out.data() + before + done, most - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  out.resize(before + done);
  return true;
}

// f(const Frame&) for each record; false: errno, or what `f` says.
template <class F>
bool each_frame(int fd, FrameReader& reader, F&& f) {
  std::string buffer;
  std::string_view window;
  while (true) {
    while (const auto frame = reader.next(window)) {
      if (!f(*frame)) return false;
    }
    if (reader.need() == 0) return true;
    buffer.erase(0, buffer.size() - window.size());
    const std::size_t kept = buffer.size();
    const std::size_t wanted = std::max(kChunk, reader.need()) - kept;
    if (!read_at(fd, reader.position() + kept, wanted, buffer)) return false;
    if (buffer.size() == kept) {
      errno = EIO;  // the file has become shorter
      return false;
    }
    window = buffer;
  }
}

// Gathers what goes to the end of a file.
class Appender {
 public:
  Appender(int fd, std::uint64_t offset) : fd_(fd), offset_(offset) {}

  std::string& buffer() { return buffer_; }
  std::uint64_t offset() const { return offset_ + buffer_.size(); }
  bool flush(std::size_t from = 0) {  // when there is at least so much
    if (buffer_.size() < from) return true;
    if (!write_at(fd_, buffer_, offset_)) return false;
    offset_ += buffer_.size();
    buffer_.clear();
    return true;
  }

 private:
  int fd_;
  std::uint64_t offset_;
  std::string buffer_;
};

}  // namespace

JournalFile::JournalFile(std::string directory)
    : directory_(std::move(directory)), path_(directory_ + "/devices.journal") {}

keel::Status JournalFile::failed(std::string_view what) const {
  return keel::Status::error(keel::concat("cannot ", what, ' ', path_, ": ", std::strerror(errno)),
                             KEEL_E_IO);
}

keel::Status JournalFile::open(const Take& take) {
  close();
  fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0 && errno != ENOENT) return failed("open");
  if (fd_ >= 0) {
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return failed("open");
    if (!S_ISREG(status.st_mode)) return keel::Status::error(path_ + " is no file");
    KEEL_TRY(load(take, static_cast<std::uint64_t>(status.st_size)));
  }
  open_ = true;
  return {};
}

keel::Status JournalFile::load(const Take& take, std::uint64_t size) {
  std::string begin;
  if (!read_at(fd_, 0, kJournalHead, begin)) return failed("read");
  const JournalHead head = read_journal_head(begin);
  if (head.kind == JournalHead::Kind::foreign_version ||
      head.kind == JournalHead::Kind::not_a_journal) {
    return refuse(head.version);
  }
  if (begin.size() < kJournalHead) {  // nothing is in it
    damaged_ = begin.size();
    ::close(std::exchange(fd_, -1));
    return {};
  }
  salt_ = head.salt;
  FrameReader reader(salt_, size);
  const bool well = each_frame(fd_, reader, [&](const Frame& frame) {
    take(frame.endpoint, frame.state);
    drop(frame.endpoint);
    if (!frame.state.empty()) {
      keep(frame.endpoint, {frame.offset, static_cast<std::uint32_t>(frame.octets.size())});
    }
    return true;
  });
  if (!well) return failed("read");
  damaged_ = reader.damaged();
  size_ = reader.good_end();
  torn_ = size_ != size;
  return {};
}

keel::Status JournalFile::refuse(std::uint32_t version) {
  const std::string what = version == 0
                               ? std::string(" is not a journal of this plugin")
                               : keel::concat(" has the format of another version (", version,
                                              ", this one reads ", kJournalVersion, ')');
  for (int n = 0; n < kMostKept; ++n) {
    const std::string beside = keel::concat(path_, ".kept", n == 0 ? "" : keel::concat('.', n));
    if (::access(beside.c_str(), F_OK) == 0) continue;
    if (::rename(path_.c_str(), beside.c_str()) != 0) break;
    return keel::Status::error(keel::concat(path_, what, "; it is kept as ", beside,
                                            ", and a new one begins: devices register anew"));
  }
  return keel::Status::error(
      keel::concat(path_, what, "; move it away, then registrations are kept again"));
}

keel::Status JournalFile::write(Records& records, std::string& notice) {
  if (!open_) KEEL_TRY(open([](std::string_view, std::string_view) {}));
  std::erase_if(records, [this](const auto& record) {
    return record.second.empty() && !places_.contains(record.first);
  });
  if (fd_ < 0 && records.empty()) return {};
  struct stat status {};
  if (fd_ < 0 || (::fstat(fd_, &status) == 0 && status.st_nlink == 0)) {
    KEEL_TRY(replace(records));  // also when somebody has deleted it
  } else if (!records.empty()) {
    KEEL_TRY(append(records));
  }
  if (mostly_history()) {
    if (const keel::Status done = replace({}); !done) {
      notice = done.text();
      patience_ = 2 * size_;
    }
  }
  return renamed_ ? sync_directory() : keel::Status();
}

bool JournalFile::mostly_history() const {
  const std::uint64_t history = size_ - kJournalHead - live_;
  return size_ >= patience_ &&
         (damaged_ != 0 || history > std::max<std::uint64_t>(live_, kLittleHistory));
}

keel::Status JournalFile::append(const Records& records) {
  if (torn_ && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return failed("shorten");
  torn_ = true;
  Appender end(fd_, size_);
  bool well = true;
  for (auto at = records.begin(); well && at != records.end(); ++at) {
    append_frame(end.buffer(), salt_, at->first, at->second);
    well = end.flush(kChunk);
  }
  if (!well || !end.flush() || ::fdatasync(fd_) != 0) {
    keel::Status status = failed("write");
    torn_ = ::ftruncate(fd_, static_cast<off_t>(size_)) != 0;
    return status;
  }
  torn_ = false;
  for (const auto& [endpoint, state] : records) {
    const std::size_t size = frame_size(endpoint, state);
    drop(endpoint);
    if (!state.empty()) keep(endpoint, {size_, static_cast<std::uint32_t>(size)});
    size_ += size;
  }
  return {};
}

// What lives and `records` go into a new file.
keel::Status JournalFile::replace(const Records& records) {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    return failed("make the folder of");
  if (fd_ < 0 && ::getrandom(&salt_, sizeof salt_, 0) != sizeof salt_) return failed("begin");
  const std::string fresh = path_ + ".new";
  ::unlink(fresh.c_str());  // of a crash
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed("write beside");
  ByEndpoint<Place> places;
  std::uint64_t size = 0;
  if (!fill(fd, records, places, size) || ::fsync(fd) != 0 ||
      ::rename(fresh.c_str(), path_.c_str()) != 0) {
    keel::Status status = failed("write anew");
    ::close(fd);
    ::unlink(fresh.c_str());
    return status;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  renamed_ = true;
  places_ = std::move(places);
  size_ = size;
  live_ = 0;
  for (const auto& place : places_) live_ += place.second.size;
  torn_ = false;
  damaged_ = patience_ = 0;
  return {};
}

bool JournalFile::fill(int fd, const Records& records, ByEndpoint<Place>& places,
                       std::uint64_t& size) {
  Appender end(fd, 0);
  append_journal_head(end.buffer(), salt_);
  if (fd_ >= 0) {
    FrameReader reader(salt_, size_);
    const bool well = each_frame(fd_, reader, [&](const Frame& frame) {
      const auto live = places_.find(frame.endpoint);
      if (live == places_.end() || live->second.offset != frame.offset ||
          records.contains(live->first)) {
        return true;
      }
      places.emplace(live->first, Place{end.offset(), live->second.size});
      end.buffer().append(frame.octets);
      return end.flush(kChunk);
    });
    if (!well) return false;
  }
  for (const auto& [endpoint, state] : records) {
    if (state.empty()) continue;
    places.emplace(endpoint,
                   Place{end.offset(), static_cast<std::uint32_t>(frame_size(endpoint, state))});
    append_frame(end.buffer(), salt_, endpoint, state);
    if (!end.flush(kChunk)) return false;
  }
  size = end.offset();
  return end.flush();
}

// A new name is safe only once the folder is on the disk.
keel::Status JournalFile::sync_directory() {
  const int fd = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed("sync the folder of");
  const bool done = ::fsync(fd) == 0;
  keel::Status status = done ? keel::Status() : failed("sync the folder of");
  ::close(fd);
  renamed_ = !done;
  return status;
}

void JournalFile::keep(std::string_view endpoint, Place place) {
  places_.emplace(endpoint, place);
  live_ += place.size;
}

void JournalFile::drop(std::string_view endpoint) {
  const auto found = places_.find(endpoint);
  if (found == places_.end()) return;
  live_ -= found->second.size;
  places_.erase(found);
}

void JournalFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  open_ = torn_ = false;
  size_ = live_ = damaged_ = patience_ = 0;
  places_.clear();
}

}  // namespace lwm2m
