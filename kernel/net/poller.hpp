// A shard's own level-triggered epoll set. Sockets are registered here rather than with Asio, which
// only sees the set's one descriptor: no allocation and no system call per wait. [shard]
#pragma once

#include <array>
#include <cstdint>

struct epoll_event;

namespace keel::kernel {

// Something with a file descriptor in the set.
class Pollable {
 public:
  // `events` are EPOLL* bits. The object may remove and destroy itself or others.
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~Pollable() = default;
};

class Poller {
 public:
  static constexpr int kMaxEvents = 256;  // handled in one turn

  Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller();

  int fd() const { return fd_; }

  // `events` are EPOLL* bits; errors and hang-ups are always reported. False: errno tells why.
  [[nodiscard]] bool add(int fd, std::uint32_t events, Pollable& pollable);
  void modify(int fd, std::uint32_t events, Pollable& pollable);
  // Also drops events of `pollable` that are still to be handed out in this turn.
  void remove(int fd, Pollable& pollable);

  // Hands out what is ready, without waiting.
  void dispatch();

 private:
  int fd_;
  epoll_event* batch_ = nullptr;  // being handed out
  int batch_at_ = 0, batch_end_ = 0;
};

}  // namespace keel::kernel
