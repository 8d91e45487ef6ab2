#include "kernel/net/fd_watch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace keel::kernel {
namespace {

std::uint32_t to_epoll(std::uint32_t events) {
  return ((events & FdWatch::kRead) ? EPOLLIN : 0U) | ((events & FdWatch::kWrite) ? EPOLLOUT : 0U);
}

Error watch_failure(int fd, int error) {
  const char* remedy = "";
  if (error == EPERM) remedy = "; a file or directory is always ready, read it in a worker";
  if (error == EBADF) remedy = "; it is not open";
  return Error{
      fmt::format("descriptor {} cannot be watched: {}{}", fd, std::strerror(error), remedy)};
}

}  // namespace

FdWatch::FdWatch(Shard& shard, int fd, int duplicate, Ready ready)
    : shard_(shard),
      fd_(fd),
      duplicate_(duplicate),
      ready_(std::make_shared<Ready>(std::move(ready))) {}

Result<std::unique_ptr<FdWatch>> FdWatch::open(Shard& shard, int fd, std::uint32_t events,
                                               Ready ready) {
  const int duplicate = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) return watch_failure(fd, errno);
  std::unique_ptr<FdWatch> watch(new FdWatch(shard, fd, duplicate, std::move(ready)));
  watch->set_events(events);
  if (!watch->registered_) return watch_failure(fd, errno);
  return watch;
}

FdWatch::~FdWatch() {
  stop();
  ::close(duplicate_);
}

void FdWatch::set_events(std::uint32_t events) {
  if (registered_) {
    shard_.poller().modify(duplicate_, to_epoll(events), *this);
  } else {
    registered_ = shard_.poller().add(duplicate_, to_epoll(events), *this);
  }
}

void FdWatch::stop() {
  if (std::exchange(registered_, false)) shard_.poller().remove(duplicate_, *this);
}

void FdWatch::on_events(std::uint32_t events) {
  std::uint32_t seen = 0;
  if (events & EPOLLIN) seen |= kRead;
  if (events & EPOLLOUT) seen |= kWrite;
  if (events & EPOLLHUP) seen |= kRead | kError;
  if (events & EPOLLERR) seen |= kError;
  const std::shared_ptr<Ready> ready = ready_;
  (*ready)(seen);
}

}  // namespace keel::kernel
