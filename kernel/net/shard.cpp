#include "kernel/net/shard.hpp"

#include <algorithm>
#include <asio.hpp>
#include <chrono>

#include "kernel/base/shrink.hpp"

namespace keel::kernel {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch())
      .count();
}

}  // namespace

// What is Asio's: the loop, the descriptor of the epoll set, the timer that drives the wheel.
struct Shard::Loop {
  explicit Loop(Shard& owner) : shard(owner), sockets(io, owner.poller_.fd()), ticker(io) {}
  ~Loop() { sockets.release(); }  // the descriptor is the poller's

  void wait_for_sockets() {
    sockets.async_wait(asio::posix::stream_descriptor::wait_read, [this](std::error_code error) {
      if (error) return;
      shard.turn(true);
      wait_for_sockets();
    });
  }

  void wake() {
    asio::post(io, [this] { shard.turn(false); });
  }

  // Another turn without waiting, when work was left for it.
  void again() {
    if (std::exchange(again_scheduled, true)) return;
    asio::post(io, [this] {
      again_scheduled = false;
      shard.turn(false);
    });
  }

  // Wakes the loop when the wheel needs it; an earlier wakeup already on its way will do as well.
  void schedule(std::int64_t due_ms) {
    if (due_ms < 0 || (ticker_due >= 0 && ticker_due <= due_ms)) return;
    ticker_due = due_ms;
    ticker.expires_at(Clock::time_point(std::chrono::milliseconds(due_ms)));
    ticker.async_wait([this](std::error_code error) {
      if (error) return;
      ticker_due = -1;
      shard.turn(false);
    });
  }

  Shard& shard;
  asio::io_context io{1};
  asio::posix::stream_descriptor sockets;
  asio::steady_timer ticker;
  std::int64_t ticker_due = -1;
  bool again_scheduled = false;
};

Shard::Shard(std::uint32_t index)
    : ShardCore(index, clock_ms()),
      scratch_(std::make_unique_for_overwrite<char[]>(kScratchFront + kScratchRead)),
      loop_(std::make_unique<Loop>(*this)) {}

Shard::~Shard() { clear(); }

void Shard::run() {
  loop_->wait_for_sockets();
  loop_->io.run();
  clear();
}

void Shard::stop() {
  post([this] { loop_->io.stop(); });
}

void Shard::post(Task task) {
  if (mailbox_.push(std::move(task))) loop_->wake();
}

void Shard::turn(bool sockets) {
  timers().advance(clock_ms());
  if (sockets) poller_.dispatch();
  drain_mailbox();
  attend_links();
  end_turn();
  flush_links();
  run_turn_ends();
  send_departures();
  bury();
  if (!attention_.empty() || !dirty_.empty() || !turn_ends_.empty()) loop_->again();
  loop_->schedule(timers().next_ms());
}

void Shard::drain_mailbox() {
  mailbox_.take(tasks_);
  for (Task& task : tasks_) {
    task();
    task = Task();  // frees what it carried before the next one runs
  }
  tasks_.clear();
}

void Shard::attend_links() {
  work_.swap(attention_);
  for (Link* link : work_) link->attention_ = false;
  for (Link* link : work_) link->attend();
  work_done();
}

// The output of one link may be what another one carries, so there are two rounds. Links touched by
// the second are sent in the next turn, so that none can keep the loop here.
void Shard::flush_links() {
  for (int round = 0; round < 2 && !dirty_.empty(); ++round) {
    work_.swap(dirty_);
    for (Link* link : work_) {
      link->dirty_ = false;
      link->flush();
    }
    work_done();
  }
}

// A turn with much to do does not leave its lists behind for ever.
void Shard::work_done() {
  constexpr std::size_t kKept = 4096;
  work_.clear();
  if (work_.capacity() > kKept) work_ = {};
}

void Shard::run_turn_ends() {
  if (turn_ends_.empty()) return;
  running_ends_.swap(turn_ends_);
  for (TurnEnd*& work : running_ends_) {
    if (!work) continue;  // forgotten meanwhile
    TurnEnd& due = *std::exchange(work, nullptr);
    due.queued_ = false;
    due.at_turn_end();
  }
  running_ends_.clear();
}

void Shard::at_turn_end(TurnEnd& work) {
  if (!std::exchange(work.queued_, true)) turn_ends_.push_back(&work);
}

void Shard::forget(TurnEnd& work) {
  if (!std::exchange(work.queued_, false)) return;
  std::erase(turn_ends_, &work);
  std::replace(running_ends_.begin(), running_ends_.end(), &work, static_cast<TurnEnd*>(nullptr));
}

void Shard::send_departures() {
  for (Departure& d : departures_) {
    d.link->leave();
    auto* target = static_cast<Shard*>(d.target);
    target->post([target, link = release(*d.link), arrived = std::move(d.arrived)]() mutable {
      target->receive(std::move(link), arrived);
    });
  }
  departures_.clear();
}

void Shard::receive(std::unique_ptr<Link> arriving, Task& arrived) {
  Link& link = adopt(std::move(arriving));
  link.shard_ = this;
  link.arrive();
  if (arrived) arrived();
}

void Shard::bury() {
  for (std::size_t i = 0; i < retired_.size(); ++i) release(*retired_[i]).reset();
  retired_.clear();
}

Link& Shard::adopt(std::unique_ptr<Link> link) {
  link->slot_ = static_cast<std::uint32_t>(links_.size());
  links_.push_back(std::move(link));
  return *links_.back();
}

std::unique_ptr<Link> Shard::release(Link& link) {
  if (link.dirty_) std::erase(dirty_, &link);
  if (link.attention_) std::erase(attention_, &link);
  link.dirty_ = link.attention_ = false;
  auto& place = links_[link.slot_];
  std::unique_ptr<Link> released = std::move(place);
  if (&place != &links_.back()) {
    place = std::move(links_.back());
    place->slot_ = link.slot_;
  }
  links_.pop_back();
  shrink_if_sparse(links_);
  return released;
}

void Shard::attend(Link& link) {
  if (std::exchange(link.attention_, true)) return;
  attention_.push_back(&link);
}

void Shard::retire(Link& link) { retired_.push_back(&link); }

void Shard::depart(Link& link, ShardCore& target, Task arrived) {
  departures_.push_back(Departure{&link, &target, std::move(arrived)});
}

void Shard::clear() {
  mailbox_.close();
  while (!links_.empty()) release(*links_.back()).reset();
  attention_.clear();
  retired_.clear();
  departures_.clear();
  for (TurnEnd* work : turn_ends_) work->queued_ = false;
  turn_ends_.clear();
}

}  // namespace keel::kernel
