// What the rooms of all shards have in common.
#pragma once

#include <atomic>
#include <cstdint>
#include <keel/homecomers.hpp>
#include <keel/host.hpp>
#include <memory>
#include <string>
#include <vector>

#include "emqx_lwm2m/gateway/place.hpp"

namespace lwm2m {

class Keeper;
class ShardRoom;

using Homecomers = keel::Homecomers<Peer, PeerHash>;

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
