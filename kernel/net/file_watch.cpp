#include "kernel/net/file_watch.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace keel::kernel {
namespace {

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE;

void add_readable(int set, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

FileWatch::FileWatch(std::function<void()> changed)
    : changed_(std::move(changed)),
      set_(::epoll_create1(EPOLL_CLOEXEC)),
      notify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  add_readable(set_, notify_);
  add_readable(set_, timer_);
}

FileWatch::~FileWatch() {
  for (const int fd : {timer_, notify_, set_}) {
    if (fd >= 0) ::close(fd);
  }
}

void FileWatch::watch(const std::vector<std::string>& files) {
  for (const auto& [directory, names] : names_) ::inotify_rm_watch(notify_, directory);
  names_.clear();
  for (const std::string& file : files) {
    const std::filesystem::path path(file);
    const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
    const int directory = ::inotify_add_watch(notify_, parent.c_str(), kChanges);
    if (directory >= 0) names_[directory].insert(path.filename());
  }
}

// True when one of the files was meant. A lost event counts: better to look once too often.
bool FileWatch::read_events() {
  alignas(inotify_event) char buffer[4096];
  bool ours = false;
  for (;;) {
    const ssize_t size = ::read(notify_, buffer, sizeof buffer);
    if (size <= 0) return ours;
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      const char* name = event.len ? buffer + at + sizeof event : "";
      at += static_cast<ssize_t>(sizeof event + event.len);
      const auto found = names_.find(event.wd);
      ours |=
          (event.mask & IN_Q_OVERFLOW) || (found != names_.end() && found->second.contains(name));
    }
  }
}

void FileWatch::arm() {
  itimerspec when{};
  when.it_value.tv_nsec = kQuietMs * 1'000'000;
  ::timerfd_settime(timer_, 0, &when, nullptr);
}

void FileWatch::on_readable() {
  if (read_events()) arm();
  std::uint64_t expirations = 0;
  if (::read(timer_, &expirations, sizeof expirations) == sizeof expirations) changed_();
}

}  // namespace keel::kernel
