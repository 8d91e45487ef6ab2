// What the connections of one shard share: the wheel they hang on, buffers that are empty between
// calls, and compression contexts that nobody needs between messages. [its shard]
#pragma once

#include <atomic>
#include <keel/plugin_base.hpp>
#include <memory>
#include <string>
#include <vector>

#include "emqx_ws/deflate.hpp"
#include "emqx_ws/metrics.hpp"
#include "emqx_ws/wheel.hpp"

namespace ws {

class Connection;

class ShardRoom {
 public:
  ShardRoom(keel::Host& of, const Metrics& counters, std::uint32_t shard)
      : host(of), metrics(counters), index(shard) {}

  // Every second.
  void turn();
  // Says goodbye to all, and lets go of `done` when nobody is left or at the deadline.
  void leave(std::uint32_t deadline_ms, std::shared_ptr<keel::DrainDone> done);
  bool leaving() const { return leaving_; }
  void came() { connections.fetch_add(1, std::memory_order_relaxed); }
  void gone();

  // Contexts without takeover. The deflater is for one message, within one call.
  std::unique_ptr<Inflater> borrow_inflater();
  void give_back(std::unique_ptr<Inflater> inflater);
  Deflater& deflater(const DeflateOptions& options, int bits);

  keel::Host& host;
  const Metrics& metrics;
  const std::uint32_t index;
  Wheel<Connection> wheel;
  Metrics::Traffic traffic;
  std::string packed;                         // a compressed message
  std::atomic<std::uint32_t> connections{0};  // read by the control thread
  keel::Timer timer;

 private:
  static constexpr std::size_t kSpares = 4;

  std::vector<std::unique_ptr<Inflater>> inflaters_;
  std::unique_ptr<Deflater> deflater_;
  DeflateOptions deflater_options_;
  int deflater_bits_ = 0;
  bool leaving_ = false;
  std::int64_t leave_by_ms_ = 0;
  std::shared_ptr<keel::DrainDone> done_;
};

}  // namespace ws
