// One thread of the data path: an event loop, its sockets, its timers, its mailbox. Everything a
// shard owns is touched by its thread only. Asio is behind the implementation.
//
// A turn: timers due, up to 256 ready sockets, the mailbox, links that asked for attention, the
// turn-end callback, one send per link with output, what asked for the end of the turn, moves to
// other shards, destruction of what is finished.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "kernel/net/link.hpp"
#include "kernel/net/mailbox.hpp"
#include "kernel/net/poller.hpp"
#include "kernel/net/shard_core.hpp"

namespace keel::kernel {

// Something to do once at the end of a turn, after the links were flushed, however often it was
// asked for.
class TurnEnd {
 public:
  virtual ~TurnEnd() = default;
  virtual void at_turn_end() = 0;

 private:
  friend class Shard;
  bool queued_ = false;
};

class Shard final : public ShardCore {
 public:
  // Room in the scratch buffer for what a connection kept, and for one read behind it.
  static constexpr std::size_t kScratchFront = 16 * 1024;
  static constexpr std::size_t kScratchRead = 64 * 1024;

  explicit Shard(std::uint32_t index);
  ~Shard() override;

  // The thread's body. Returns after stop(), when what was posted before it has run and everything
  // the shard owned is destroyed.
  void run();
  // Ends run(). Later tasks are destroyed, not run. [any]
  void stop();
  void post(Task task) override;

  Poller& poller() { return poller_; }
  std::span<char> scratch() { return {scratch_.get(), kScratchFront + kScratchRead}; }
  std::size_t links() const { return links_.size(); }

  void at_turn_end(TurnEnd& work);  // of this turn or, from within another's, of the next one
  void forget(TurnEnd& work);       // before it is destroyed

  // For implementations of Link.
  Link& adopt(std::unique_ptr<Link> link);
  void attend(Link& link);  // calls link.attend() in this turn or the next one
  void retire(Link& link);  // destroys the link at the end of this turn
  void depart(Link& link, ShardCore& target, Task arrived);  // moves it at the end of this turn

 private:
  struct Loop;
  struct Departure {
    Link* link;
    ShardCore* target;
    Task arrived;
  };

  void turn(bool sockets);
  void drain_mailbox();
  void attend_links();
  void flush_links();
  void work_done();
  void run_turn_ends();
  void send_departures();
  void bury();
  std::unique_ptr<Link> release(Link& link);
  void receive(std::unique_ptr<Link> link, Task& arrived);
  void clear();

  Poller poller_;
  Mailbox mailbox_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<Link*> attention_, retired_, work_;
  std::vector<Departure> departures_;
  std::vector<TurnEnd*> turn_ends_, running_ends_;
  std::vector<Task> tasks_;
  std::unique_ptr<char[]> scratch_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace keel::kernel
