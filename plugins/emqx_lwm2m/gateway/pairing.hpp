// A command for a registered device comes twice: to the session of the device and to the
// stand-in's. Which one is first, and whether the device's comes at all when the device is just
// leaving, nobody knows. This pairs them, so that each command has one answer: what a device has
// taken is not answered as if there were no device, and what it has not is. Bounded in number and
// time. [its shard]
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <keel/host.hpp>
#include <keel/message.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lwm2m {

class Pairing {
 public:
  struct Command {
    std::string endpoint;
    keel::MessageRef message;
    std::size_t size = 0;  // of its payload
    explicit operator bool() const { return static_cast<bool>(message); }
  };

  // For the next version, which knows commands by the same keys.
  struct Saved {
    struct Command {
      std::size_t key = 0;
      std::string endpoint, topic, payload;
    };
    std::vector<std::size_t> taken;  // keys
    std::vector<Command> waiting;
  };

  // `key`: a hash of topic and payload. A device has taken the copy of its session.
  void taken(std::size_t key, std::int64_t now_ms);
  // The stand-in's copy: whether a device has taken the other one.
  bool is_taken(std::size_t key);
  // It has not, but there is one that may.
  void wait(std::size_t key, Command command, std::int64_t now_ms);
  // No device takes the commands of this endpoint any more: those that wait, in order.
  std::vector<Command> release(std::string_view endpoint);
  // The first that has been waiting for so long that no device will take it; none: null message.
  // `came_ms`: when it came.
  Command expired(std::int64_t now_ms, std::int64_t& came_ms);
  void forget_taken(std::int64_t now_ms);
  Saved save() const;
  // What an earlier version has left: it waits from now on, as if it had just come.
  void load(const Saved& saved, const keel::Host& host, std::int64_t now_ms);

 private:
  static constexpr std::int64_t kMs = 5'000;
  static constexpr std::size_t kMost = 8'192, kMostOctets = 64u << 20;

  struct Waiting {
    std::size_t key = 0;
    std::int64_t until_ms = 0;
    Command command;  // without a message: it has been taken, or released
  };
  struct Taken {
    std::size_t key = 0;
    std::int64_t until_ms = 0;
  };

  void drop_first();
  void forget(Waiting& one);

  std::deque<Waiting> waiting_;
  std::size_t octets_ = 0;  // of those that wait
  std::deque<Taken> taken_;
  std::unordered_map<std::size_t, std::uint32_t> counts_;  // of taken ones, by key
};

}  // namespace lwm2m
