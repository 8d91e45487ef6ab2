#include "emqx_ws/shard_room.hpp"

#include "emqx_ws/connection.hpp"

namespace ws {
namespace {

// Left of a deadline for the kernel to hear that all is done.
constexpr std::uint32_t kMargin = 1500;
constexpr std::size_t kKeptBuffer = 256 * 1024;

}  // namespace

void ShardRoom::turn() {
  metrics.add(std::exchange(traffic, {}));
  if (packed.capacity() > kKeptBuffer) packed = std::string();
  wheel.turn();
  if (!leaving_ || host.clock().mono_ms() < leave_by_ms_) return;
  wheel.each([](Connection& connection) { connection.abandon(); });
}

void ShardRoom::leave(std::uint32_t deadline_ms, std::shared_ptr<keel::DrainDone> done) {
  leaving_ = true;
  leave_by_ms_ = host.clock().mono_ms() + deadline_ms - std::min(deadline_ms / 2, kMargin);
  wheel.each([](Connection& connection) { connection.say_goodbye(); });
  if (connections.load(std::memory_order_relaxed) != 0) done_ = std::move(done);
}

void ShardRoom::gone() {
  if (connections.fetch_sub(1, std::memory_order_relaxed) == 1) done_.reset();
}

std::unique_ptr<Inflater> ShardRoom::borrow_inflater() {
  if (inflaters_.empty()) return std::make_unique<Inflater>(15);
  auto out = std::move(inflaters_.back());
  inflaters_.pop_back();
  return out;
}

void ShardRoom::give_back(std::unique_ptr<Inflater> inflater) {
  if (inflaters_.size() >= kSpares) return;
  inflater->reset();
  inflaters_.push_back(std::move(inflater));
}

Deflater& ShardRoom::deflater(const DeflateOptions& options, int bits) {
  const auto same = [&] {
    return deflater_bits_ == bits && deflater_options_.level == options.level &&
           deflater_options_.mem_level == options.mem_level &&
           deflater_options_.strategy == options.strategy;
  };
  if (deflater_ && same()) {
    deflater_->reset();
  } else {
    deflater_ = std::make_unique<Deflater>(options, bits);
    deflater_options_ = options;
    deflater_bits_ = bits;
  }
  return *deflater_;
}

}  // namespace ws
