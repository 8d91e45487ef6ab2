#include "kernel/net/poller.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace keel::kernel {
namespace {

int control(int set, int operation, int fd, std::uint32_t events, Pollable& pollable) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &pollable;
  return ::epoll_ctl(set, operation, fd, &event);
}

}  // namespace

Poller::Poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Poller::~Poller() { ::close(fd_); }

bool Poller::add(int fd, std::uint32_t events, Pollable& pollable) {
  return control(fd_, EPOLL_CTL_ADD, fd, events, pollable) == 0;
}

void Poller::modify(int fd, std::uint32_t events, Pollable& pollable) {
  control(fd_, EPOLL_CTL_MOD, fd, events, pollable);
}

void Poller::remove(int fd, Pollable& pollable) {
  control(fd_, EPOLL_CTL_DEL, fd, 0, pollable);
  for (int i = batch_at_; i < batch_end_; ++i) {
    if (batch_[i].data.ptr == &pollable) batch_[i].data.ptr = nullptr;
  }
}

void Poller::dispatch() {
  std::array<epoll_event, kMaxEvents> events;
  const int count = ::epoll_wait(fd_, events.data(), kMaxEvents, 0);
  batch_ = events.data();
  batch_end_ = count;
  for (batch_at_ = 0; batch_at_ < batch_end_;) {
    const epoll_event& event = events[static_cast<std::size_t>(batch_at_++)];
    if (event.data.ptr) static_cast<Pollable*>(event.data.ptr)->on_events(event.events);
  }
  batch_ = nullptr;
  batch_at_ = batch_end_ = 0;
}

}  // namespace keel::kernel
