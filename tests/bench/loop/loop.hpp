// A shard and links without threads and sockets, as thin as can be: what is counted is the broker.
// Bytes go in through Peer::to_broker, and come out through Peer::take().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/base/reclaimer.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/realm.hpp"
#include "kernel/net/link.hpp"

namespace keel::bench {

using namespace kernel;

// The other end of a link. Outlives it.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void take(std::string_view bytes) = 0;  // not counted
  std::string to_broker;                          // what the broker's next read brings
  bool hung_up = false;                           // noticed by the broker's next read
};

class LoopLink final : public Link {
 public:
  LoopLink(ShardCore& shard, Broker& broker, Peer& peer) : Link(shard), other_(peer) {
    handler_ = broker.accept(*this);
    handler_->on_open();
  }

  bool gone() const { return gone_; }
  // A read, if there is anything to read. False: there was nothing.
  bool read();
  // Its handler is told of the end, once.
  void bury();

  void close() override { gone_ = true; }
  void abort() override { gone_ = true; }
  void pause_reading() override;
  void resume_reading() override { again_ = true; }
  void move_to(ShardCore&, Task) override;
  void flush() override;
  void flushed() { dirty_ = false; }

 private:
  Peer& other_;
  std::unique_ptr<LinkHandler> handler_;
  std::string reading_;  // not consumed yet
  bool gone_ = false, again_ = false;
};

class LoopShard final : public ShardCore {
 public:
  LoopShard() : ShardCore(0, 1'000'000) {}

  void post(Task task) override { tasks_.push_back(std::move(task)); }
  void open(Broker& broker, Peer& peer);
  // Turns until nothing is left to do, in the order of a real shard.
  void settle();
  void clear();

 private:
  bool turn();

  std::vector<std::unique_ptr<LoopLink>> links_;
  std::vector<Task> tasks_, running_;
  std::vector<Link*> flushing_;
};

// Runs what waits for a grace period when asked to: nobody else is in a turn.
class LoopReclaimer final : public Reclaimer {
 public:
  void after_grace_period(Task task) override { tasks_.push_back(std::move(task)); }
  bool run();

 private:
  std::vector<Task> tasks_;
};

// A broker of one shard with clients at hand.
class Loop {
 public:
  Loop();
  ~Loop();
  void dial(Peer& peer) { shard_.open(broker_, peer); }
  void settle();
  Realm& realm() { return realm_; }
  Broker& broker() { return broker_; }

 private:
  LoopReclaimer reclaimer_;
  LoopShard shard_;
  Realm realm_;
  Broker broker_;
};

}  // namespace keel::bench
