#include "loop.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "collect.hpp"

namespace keel::bench {
namespace {

// What no scenario is meant to come to: its figure would be one of something else.
[[noreturn]] void unexpected(const char* what) {
  std::fprintf(stderr, "the broker %s\n", what);
  std::exit(1);
}

// As in tools/bench: nothing is dropped or held back.
std::shared_ptr<const Settings> settings() {
  auto settings = std::make_shared<Settings>();
  settings->sys.presence = false;
  Limits& limits = settings->limits;
  limits.max_queued = 0;
  limits.max_queued_bytes = 0;
  limits.max_total_queued_bytes = 0;
  limits.max_inflight = 0;
  limits.max_awaiting_rel = 0;
  limits.max_output_bytes = 0;
  return settings;
}

}  // namespace

bool LoopLink::read() {
  if (gone_) return false;
  if (other_.hung_up) {
    gone_ = true;
    return true;
  }
  if (other_.to_broker.empty() && !again_) return false;
  again_ = false;
  if (reading_.empty())
    reading_.swap(other_.to_broker);
  else
    reading_ += std::exchange(other_.to_broker, {});
  std::size_t taken = 0;
  {
    const Counted counted;
    taken = handler_->on_data(reading_);
  }
  reading_.erase(0, taken);
  return true;
}

void LoopLink::bury() {
  const Counted counted;
  handler_->on_closed(other_.hung_up ? CloseCause::peer : CloseCause::local, {});
  handler_.reset();
}

void LoopLink::pause_reading() { unexpected("does not want to read"); }
void LoopLink::move_to(ShardCore&, Task) { unexpected("moves a client"); }

void LoopLink::flush() {
  while (!out.empty()) {
    std::array<iovec, 64> pieces;
    const int count = out.gather(pieces.data(), static_cast<int>(pieces.size()));
    std::size_t size = 0;
    for (int i = 0; i < count; ++i) size += pieces[static_cast<std::size_t>(i)].iov_len;
    {
      const NotCounted pause;
      for (int i = 0; i < count; ++i) {
        const iovec& piece = pieces[static_cast<std::size_t>(i)];
        other_.take({static_cast<const char*>(piece.iov_base), piece.iov_len});
      }
    }
    out.consume(size);
  }
  if (!want_drained_) return;
  want_drained_ = false;
  handler_->on_drained();
}

void LoopShard::open(Broker& broker, Peer& peer) {
  const Counted counted;
  links_.push_back(std::make_unique<LoopLink>(*this, broker, peer));
}

bool LoopShard::turn() {
  bool busy = false;
  for (const auto& link : links_) busy |= link->read();
  {
    const Counted counted;
    running_.swap(tasks_);
    for (Task& task : running_) task();
    busy |= !running_.empty();
    running_.clear();
    end_turn();
    flushing_.swap(dirty_);
    for (Link* link : flushing_) {
      auto* const own = static_cast<LoopLink*>(link);
      own->flushed();
      own->flush();
    }
    flushing_.clear();
  }
  const auto gone = std::erase_if(links_, [](const auto& link) {
    if (link->gone()) link->bury();
    return link->gone();
  });
  return busy || gone != 0 || !tasks_.empty();
}

void LoopShard::settle() {
  while (turn()) {
  }
}

void LoopShard::clear() {
  links_.clear();
  tasks_.clear();
}

bool LoopReclaimer::run() {
  std::vector<Task> tasks = std::exchange(tasks_, {});
  const Counted counted;
  for (Task& task : tasks) task();
  return !tasks.empty();
}

Loop::Loop() : realm_(settings(), reclaimer_), broker_(realm_, shard_) {
  realm_.brokers.push_back(&broker_);
}

Loop::~Loop() {
  shard_.clear();
  while (reclaimer_.run()) {
  }
  shard_.clear();
}

void Loop::settle() {
  do {
    shard_.settle();
  } while (reclaimer_.run());
}

}  // namespace keel::bench
