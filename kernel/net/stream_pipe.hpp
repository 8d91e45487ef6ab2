// The link of a stream, and what it shares with its StreamEnd; private to their implementation.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kernel/net/stream_link.hpp"

namespace keel::kernel {

// While the ends are on two shards everything between them is here; posts only say that there is
// something. While they are on one the pipe is empty.
struct StreamPipe : std::enable_shared_from_this<StreamPipe> {
  static constexpr std::size_t kWindow =
      256 * 1024;  // output under way, before more waits in `out`

  explicit StreamPipe(Shard& near_shard) : near(near_shard) {}

  Shard& near;
  StreamEnd* end = nullptr;             // null: gone [near shard]
  std::atomic<std::size_t> untaken{0};  // StreamEnd::Fed::waiting; written under the lock

  std::mutex mutex;            // for the rest
  StreamLink* link = nullptr;  // with its shard; null while it travels, is on `near`, or is gone
  Shard* link_shard = nullptr;
  bool link_woken = false, end_woken = false;

  std::string input;
  bool client_gone = false;
  CloseCause client_cause = CloseCause::peer;
  std::string client_detail;

  std::vector<OutBuffer> output;
  std::size_t output_size = 0;  // with what the end holds back
  bool paused = false;
  bool wants_taken = false;     // the link is to be woken when output_size is 0, or at resume()
  bool wants_writable = false;  // the user is, when untaken is 0
  bool writable = false;
  bool link_over = false;
  CloseCause link_cause = CloseCause::local;
  std::string link_detail;

  // Make the other end look, once. Called with the lock held, which they give back.
  void wake_link(std::unique_lock<std::mutex> lock);
  void wake_end(std::unique_lock<std::mutex> lock);
};

class StreamLink final : public Link {
 public:
  StreamLink(Shard& shard, PeerInfo peer, std::shared_ptr<StreamPipe> pipe);
  ~StreamLink() override;

  // False: there is no handler.
  bool start(StreamEnd& end, const HandlerFactory& factory);

  void close() override;
  void abort() override { finish(CloseCause::local, "aborted"); }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void move_to(ShardCore& target, Task arrived) override;

  // From the end, on one shard.
  StreamEnd::Fed feed(std::string_view bytes, StreamEnd::When when);
  void on_client_gone(CloseCause cause, std::string_view detail);
  void on_end_destroyed() { end_ = nullptr; }
  // From the end, on another one: there is something in the pipe.
  void on_wake() { owner().attend(*this); }

 private:
  enum class State : std::uint8_t { open, closing, dead };

  Shard& owner() const { return static_cast<Shard&>(*shard_); }
  const ListenerInfo& info() const { return *peer_.listener; }
  bool counted() const { return !peer_.carried && info().state; }

  void flush() override;
  void attend() override;
  void leave() override;
  void arrive() override;

  bool deliverable() const { return state_ == State::open && !paused_ && !moving_ && !in_handler_; }
  std::size_t waiting() const;
  std::size_t call_handler(std::string_view data);
  void deliver(std::string_view fresh);
  void present();
  void take_input();
  void take_from_pipe();
  void tell_taken();

  bool send_near();
  bool send_far();
  void after_send(bool progress);
  bool all_taken();
  void finish(CloseCause cause, std::string_view detail);
  void report();
  void on_timer();

  std::shared_ptr<StreamPipe> pipe_;
  StreamEnd* end_ = nullptr;  // while it is on this shard
  std::unique_ptr<LinkHandler> handler_;
  std::string unread_;
  std::size_t shown_ = 0;  // bytes at the start of unread_ that the handler has seen
  std::string detail_;
  Timer timer_;  // the peer takes nothing
  State state_ = State::open;
  CloseCause cause_ = CloseCause::local;
  bool paused_ = false;
  bool moving_ = false;
  bool again_ = false;  // what the handler left is to be shown to it once more
  bool in_handler_ = false;
  bool client_gone_ = false;
};

}  // namespace keel::kernel
