// What plugins write with kv/1 on one thread, gathered until the thread's turn ends, so that many
// small changes are one batch. [the thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "kernel/durable/batch.hpp"

namespace keel::kernel {

class HostThread;

class KvWriter {
 public:
  explicit KvWriter(HostThread& thread) : thread_(thread) {}

  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  // Hands over what was gathered; answers the ticket that everything written here until now waits
  // for. 0: all of it is safe.
  std::uint64_t flush();

 private:
  static constexpr std::size_t kLargest = 256 * 1024;  // is not kept until the turn ends
  Batch& batch();
  void written();

  HostThread& thread_;
  std::unique_ptr<Batch> batch_;
};

}  // namespace keel::kernel
