// Shards and links without threads and sockets: a clock moved by hand, turns made by hand, and on
// the client's side a pair of strings. Shared by the broker's tests and the fuzz target
// `connection`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/base/reclaimer.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/net/link.hpp"

namespace keel::kernel::fake {

// The client's end of a connection. Outlives the link.
struct Wire {
  static constexpr std::size_t kUnlimited = ~std::size_t{0};

  Endpoint peer;                  // the client's address
  std::string sent;               // by the client, not yet read by the broker
  std::string received;           // from the broker
  std::size_t room = kUnlimited;  // what the socket still takes; a slow reader has little
  std::size_t unsent = 0;         // what waits in the link's output buffer
  bool hung_up = false;           // by the client; noticed when the broker reads
  bool broken = false;            // the socket failed; noticed at once
  bool closed = false;            // the broker's end is gone
  CloseCause cause = CloseCause::local;
  std::uint32_t shard = 0;  // where the link is
  bool paused = false;
};

class FakeShard;

class FakeLink final : public Link {
 public:
  FakeLink(FakeShard& shard, std::shared_ptr<Wire> wire, std::shared_ptr<const ListenerInfo> from);

  void close() override {
    if (state_ != State::open) return;
    state_ = State::closing;
    touch();
  }
  void abort() override {
    out.clear();
    finish(CloseCause::local);
  }
  void pause_reading() override { wire_->paused = paused_ = true; }
  void resume_reading() override {
    wire_->paused = paused_ = false;
    look_again_ = true;
  }
  void move_to(ShardCore& target, Task arrived) override;

 private:
  friend class FakeShard;
  enum class State { open, closing, dead };

  void finish(CloseCause cause) {
    if (state_ == State::dead) return;
    state_ = State::dead;
    cause_ = cause;
  }
  bool read();
  bool look();
  void flush() override;

  std::shared_ptr<Wire> wire_;
  std::unique_ptr<LinkHandler> handler_;
  std::string unread_;
  State state_ = State::open;
  CloseCause cause_ = CloseCause::local;
  bool paused_ = false, moving_ = false, look_again_ = false;
};

class FakeShard final : public ShardCore {
 public:
  static constexpr std::int64_t kStartMs = 1'000'000;

  explicit FakeShard(std::uint32_t index) : ShardCore(index, kStartMs) {}

  void post(Task task) override { tasks_.push_back(std::move(task)); }

  FakeLink& adopt(std::unique_ptr<FakeLink> link) {
    links_.push_back(std::move(link));
    return *links_.back();
  }
  void open(std::shared_ptr<Wire> wire, Broker& broker, std::shared_ptr<const ListenerInfo> from) {
    FakeLink& link = adopt(std::make_unique<FakeLink>(*this, std::move(wire), std::move(from)));
    link.handler_ = broker.accept(link);
  }

  bool has_tasks() const { return !tasks_.empty(); }

  // One turn in the order of a real shard. False: there was nothing to do but timers.
  bool turn(std::int64_t now_ms) {
    bool busy = false;
    timers().advance(now_ms);
    for (std::size_t i = 0; i < links_.size(); ++i) busy |= links_[i]->read();
    std::deque<Task> tasks = std::exchange(tasks_, {});
    for (Task& task : tasks) {
      task();
      busy = true;
    }
    for (std::size_t i = 0; i < links_.size(); ++i) busy |= links_[i]->look();
    end_turn();
    for (Link* link : std::exchange(dirty_, {})) {
      static_cast<FakeLink*>(link)->flush();
      busy = true;
    }
    busy |= depart_all();
    const auto gone = std::erase_if(links_, [](auto& link) { return link->handler_ == nullptr; });
    return busy || gone != 0;
  }

  void clear() {
    for (auto& link : links_) link->handler_.reset();
    links_.clear();
    tasks_.clear();
    departures_.clear();
  }

 private:
  friend class FakeLink;
  struct Departure {
    FakeLink* link;
    FakeShard* target;
    Task arrived;
  };

  bool depart_all() {
    std::vector<Departure> departures = std::exchange(departures_, {});
    for (Departure& d : departures) {
      const auto place = std::find_if(links_.begin(), links_.end(),
                                      [&](const auto& link) { return link.get() == d.link; });
      std::unique_ptr<FakeLink> link = std::move(*place);
      links_.erase(place);
      std::erase(dirty_, link.get());
      link->dirty_ = false;
      d.target->post(
          [target = d.target, link = std::move(link), arrived = std::move(d.arrived)]() mutable {
            FakeLink& here = target->adopt(std::move(link));
            here.shard_ = target;
            here.wire_->shard = target->index();
            here.moving_ = false;
            here.look_again_ = true;
            if (!here.out.empty() || here.want_drained_) here.touch();
            arrived();
          });
    }
    return !departures.empty();
  }

  std::deque<Task> tasks_;
  std::vector<std::unique_ptr<FakeLink>> links_;
  std::vector<Departure> departures_;
};

inline FakeLink::FakeLink(FakeShard& shard, std::shared_ptr<Wire> wire,
                          std::shared_ptr<const ListenerInfo> from)
    : Link(shard), wire_(std::move(wire)) {
  peer_.listener = std::move(from);
  peer_.endpoint = wire_->peer;
  wire_->shard = shard.index();
}

inline void FakeLink::move_to(ShardCore& target, Task arrived) {
  moving_ = true;
  static_cast<FakeShard*>(shard_)->departures_.push_back(
      {this, static_cast<FakeShard*>(&target), std::move(arrived)});
}

// What the socket brings. The handler sees a block of exactly the bytes there are, so that a
// sanitizer notices each byte read too far.
inline bool FakeLink::read() {
  if (!out.empty() && wire_->room != 0) touch();
  if (state_ != State::open || paused_ || moving_ || !handler_) return false;
  const bool news = !wire_->sent.empty() || (look_again_ && !unread_.empty());
  look_again_ = false;
  if (!news) {
    if (wire_->hung_up) finish(CloseCause::peer);
    return wire_->hung_up;
  }
  unread_ += std::exchange(wire_->sent, {});
  const std::unique_ptr<char[]> block(new char[unread_.size()]);
  std::memcpy(block.get(), unread_.data(), unread_.size());
  unread_.erase(0, handler_->on_data({block.get(), unread_.size()}));
  return true;
}

// What comes of earlier calls: the end, the drained output, input after a pause or a move.
inline bool FakeLink::look() {
  if (moving_ || !handler_) return false;
  if (wire_->broken) finish(CloseCause::error);
  if (wire_->hung_up && state_ == State::closing) finish(CloseCause::local);
  if (state_ == State::dead) {
    out.clear();
    wire_->unsent = 0;
    wire_->closed = true;
    wire_->cause = cause_;
    handler_->on_closed(cause_, {});
    handler_.reset();
    return true;
  }
  if (state_ == State::open && want_drained_ && out.empty()) {
    want_drained_ = false;
    handler_->on_drained();
    return true;
  }
  return look_again_ && read();
}

inline void FakeLink::flush() {
  dirty_ = false;
  if (moving_) return;
  while (wire_->room != 0 && !out.empty()) {
    iovec piece;
    out.gather(&piece, 1);
    const std::size_t size = std::min(piece.iov_len, wire_->room);
    wire_->received.append(static_cast<const char*>(piece.iov_base), size);
    if (wire_->room != Wire::kUnlimited) wire_->room -= size;
    out.consume(size);
  }
  wire_->unsent = out.size();
  if (out.empty() && state_ == State::closing) finish(CloseCause::local);
}

class FakeReclaimer final : public Reclaimer {
 public:
  void after_grace_period(Task task) override { tasks_.push_back(std::move(task)); }
  bool run() {
    std::vector<Task> tasks = std::exchange(tasks_, {});
    for (Task& task : tasks) task();
    return !tasks.empty();
  }

 private:
  std::vector<Task> tasks_;
};

}  // namespace keel::kernel::fake
