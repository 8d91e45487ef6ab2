#include "emqx_store/run/writer.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace emqx_store {
namespace {

// So much is written at once at most: more would only delay the first reports.
constexpr std::uint64_t kGroupBytes = 8ull << 20;

std::string with_remedy(const Outcome& fault) {
  std::string text = fault.text();
  switch (fault.fault()) {
    case Fault::no_space:
      return text + "; free space on this disk, writing goes on by itself";
    case Fault::damaged:
      return text + "; restart the broker, which sets aside what is damaged";
    default:
      return text + "; look after the disk, writing goes on by itself";
  }
}

}  // namespace

Writer::Writer(Gate& gate, Condition& condition, Events& events, Options options)
    : gate_(gate),
      condition_(condition),
      events_(events),
      options_(std::move(options)),
      delay_us_(options_.commit_delay_us),
      enough_operations_(options_.commit_operations) {}

void Writer::start() {
  thread_ = std::thread([this] { run(); });
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Writer::submit(const keel_store_batch& batch) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(batch);
    waiting_operations_ += std::max(batch.op_count, 1u);
    if (waiting_operations_ >= wake_at_) {
      wake_at_ = kNever;
      wake = true;
    }
  }
  if (wake) wake_.notify_one();
}

void Writer::set_pace(std::uint32_t commit_delay_us, std::uint32_t commit_operations) {
  delay_us_ = commit_delay_us;
  enough_operations_ = commit_operations;
}

Writer::State Writer::state() const {
  const std::lock_guard lock(mutex_);
  return {waiting_.size(), waiting_operations_, reopened_};
}

void Writer::run() {
  while (next_group() && write_group()) {
  }
}

bool Writer::next_group() {
  const bool busy = group_.size() > 1;
  group_.clear();
  std::unique_lock lock(mutex_);
  const auto waits_for = [this](std::uint64_t operations) {
    return [this, operations] { return stopping_ || waiting_operations_ >= operations; };
  };
  wake_at_ = 1;
  wake_.wait(lock, waits_for(1));
  if (busy && delay_us_ != 0) {
    wake_at_ = enough_operations_;
    wake_.wait_for(lock, std::chrono::microseconds(delay_us_), waits_for(wake_at_));
  }
  wake_at_ = kNever;
  group_.swap(waiting_);
  waiting_operations_ = 0;
  return !group_.empty();
}

// False: it was given up.
bool Writer::write_group() {
  const std::span<const keel_store_batch> group = group_;
  for (std::size_t begin = 0, end = 0; begin < group.size(); begin = end) {
    for (std::uint64_t bytes = 0;
         end < group.size() && (end == begin || bytes + group[end].bytes <= kGroupBytes); ++end) {
      bytes += group[end].bytes;
    }
    if (!write(group.subspan(begin, end - begin))) return false;
  }
  return true;
}

bool Writer::write(std::span<const keel_store_batch> batches) {
  for (;;) {
    const auto began = std::chrono::steady_clock::now();
    Outcome applied = Gate::Visit(gate_)->apply(batches);
    if (!applied) {
      if (!recover(applied)) return false;
      continue;
    }
    const auto took = std::chrono::steady_clock::now() - began;
    std::uint64_t operations = 0;
    for (const keel_store_batch& batch : batches) operations += batch.op_count;
    events_.synced(static_cast<std::uint64_t>(
                       std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()),
                   static_cast<std::uint32_t>(batches.size()),
                   static_cast<std::uint32_t>(operations));
    reported_ = batches.back().ticket;
    events_.committed(reported_);
    return true;
  }
}

// False: the end came first.
bool Writer::recover(const Outcome& fault) {
  if (fault.fault() == Fault::damaged) events_.damaged(fault.text());
  std::uint32_t ms = options_.first_pause_ms;
  for (Outcome tried = fault; !tried;) {
    condition_.failing(with_remedy(tried));
    if (!pause(ms)) return false;
    ms = std::min(ms * 2, options_.longest_pause_ms);
    tried = options_.probe ? options_.probe() : Outcome();
    if (tried) tried = reopen(fault);
  }
  ++reopened_;
  condition_.writing_again();
  return true;
}

Outcome Writer::reopen(const Outcome& after) {
  if (options_.make_way) options_.make_way();
  if (const std::unique_ptr<Engine> failed = gate_.take()) failed->close().ignore();
  std::unique_ptr<Engine> engine;
  Outcome opened = options_.open(after, engine);
  if (opened && engine->last_ticket() < reported_) {
    const std::uint64_t there = engine->last_ticket();
    engine->close().ignore();
    opened = {Fault::damaged, "the store was written up to ticket " + std::to_string(reported_) +
                                  ", and came back with " + std::to_string(there) + " only"};
  }
  if (opened) {
    gate_.open(std::move(engine));
  } else {
    gate_.leave_closed();
  }
  return opened;
}

bool Writer::pause(std::uint32_t ms) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

}  // namespace emqx_store
