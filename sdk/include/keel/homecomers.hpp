// Peers of a gateway's clients of an earlier run: the broker has started anew, and their datagrams
// may arrive on any shard. Whoever does not know a peer asks here whose home it has. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace keel {

template <class Peer, class Hash, class Same = std::equal_to<>>
class Homecomers {
 public:
  explicit Homecomers(Hash hash) : homes_(0, std::move(hash)) {}

  void expect(const Peer& peer, std::uint32_t home) {
    const std::lock_guard lock(mutex_);
    homes_.insert_or_assign(peer, home);
    count_.store(homes_.size(), std::memory_order_relaxed);
  }
  // Whether nobody is expected; costs nothing.
  bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }
  // The home of one that is expected, which it is not any more from now on.
  bool take(const Peer& peer, std::uint32_t& home) {
    if (empty()) return false;
    const std::lock_guard lock(mutex_);
    const auto found = homes_.find(peer);
    if (found == homes_.end()) return false;
    home = found->second;
    homes_.erase(found);
    count_.store(homes_.size(), std::memory_order_relaxed);
    return true;
  }
  void forget(const Peer& peer) {
    std::uint32_t home;
    take(peer, home);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<Peer, std::uint32_t, Hash, Same> homes_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace keel
