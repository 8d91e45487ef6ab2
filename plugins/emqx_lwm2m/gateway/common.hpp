// What the rooms of all shards have in common.
#pragma once

#include <atomic>
#include <cstdint>
#include <keel/host.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "emqx_lwm2m/gateway/place.hpp"

namespace lwm2m {

class Keeper;
class ShardRoom;

// Devices of an earlier run, whose datagrams may arrive on any shard. Any thread.
class Homecomers {
 public:
  explicit Homecomers(std::uint64_t secret = 0) : homes_(0, PeerHash(secret)) {}

  void expect(const Peer& peer, std::uint32_t home) {
    const std::lock_guard lock(mutex_);
    homes_.insert_or_assign(peer, home);
    count_.store(homes_.size(), std::memory_order_relaxed);
  }
  // The home of one that is expected, which it is not any more from now on.
  bool take(const Peer& peer, std::uint32_t& home) {
    if (count_.load(std::memory_order_relaxed) == 0) return false;
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
  std::unordered_map<Peer, std::uint32_t, PeerHash> homes_;
  std::atomic<std::size_t> count_{0};
};

// A change that the journal shall have. `state` empty: the registration is over.
struct Change {
  std::string endpoint, state;
};

struct Common {
  explicit Common(keel::Host& of);
  ~Common();

  keel::Host& host;
  std::vector<std::unique_ptr<ShardRoom>> rooms;  // by shard
  std::uint64_t secret = 0;                       // of tables that strangers choose the keys of
  std::unique_ptr<Homecomers> homecomers;
  std::atomic<std::uint32_t> devices{0}, newcomers{0};
  std::atomic<std::uint32_t> places{0};   // of devices, and of those the broker is asked about
  std::atomic<bool> loopback_only{true};  // all listeners are
  std::uint32_t stand_in_home = 0;
  keel::Address address;           // ours, the stand-in's
  std::atomic<bool> keeps{false};  // registrations survive the broker
  Keeper* keeper = nullptr;        // [control]
};

}  // namespace lwm2m
