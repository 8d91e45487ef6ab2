// Watches a descriptor that somebody else owns, level-triggered. Belongs to one shard; [shard].
//
// It works on a duplicate, so that a descriptor closed (and its number used again) while it is
// watched harms nobody else's connection. Until the watch goes the file behind it stays open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "kernel/base/result.hpp"
#include "kernel/net/shard.hpp"

namespace keel::kernel {

class FdWatch final : private Pollable {
 public:
  static constexpr std::uint32_t kRead = 1, kWrite = 2, kError = 4;
  // `events` are those of the above that hold: kError whether it was asked for or not (with kRead
  // when it is a hang-up and reading will tell). May change or destroy the watch.
  using Ready = std::function<void(std::uint32_t events)>;

  // `events`: kRead and kWrite, or 0 for errors only.
  static Result<std::unique_ptr<FdWatch>> open(Shard& shard, int fd, std::uint32_t events,
                                               Ready ready);
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;
  ~FdWatch();

  // With 0 errors are still reported, in every turn: a hang-up that nobody wants to hear of needs
  // stop().
  void set_events(std::uint32_t events);
  void stop();                    // nothing is reported until set_events()
  int fd() const { return fd_; }  // the owner's number for it

 private:
  FdWatch(Shard& shard, int fd, int duplicate, Ready ready);
  void on_events(std::uint32_t events) override;

  Shard& shard_;
  int fd_, duplicate_;
  bool registered_ = false;
  std::shared_ptr<Ready> ready_;  // survives the watch while it is being called
};

}  // namespace keel::kernel
