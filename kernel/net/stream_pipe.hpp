// The link of a stream, and what it shares with its StreamEnd; private to their implementation.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernel/net/stream_link.hpp"

namespace keel::kernel {

// What the end has for a link on another shard.
struct StreamInput {
  std::string bytes;
  bool gone = false;  // the client, behind the bytes
  CloseCause cause = CloseCause::peer;
  std::string detail;

  void append(StreamInput&& later);
};

// What the link has for an end on another shard.
struct StreamOutput {
  std::vector<OutBuffer> batches;
  std::size_t first = 0;  // those before it are taken
  bool over = false;      // the link is, behind the batches
  CloseCause cause = CloseCause::local;
  std::string detail;

  bool empty() const { return first == batches.size(); }
  OutBuffer take() { return std::move(batches[first++]); }
};

// Once the ends have been on two shards everything between them is here; posts only say that there
// is something. While they are on one the pipe is empty, or was never made.
struct StreamPipe {
  static constexpr std::size_t kWindow =
      256 * 1024;  // output under way, before more waits in `out`
  using Ptr = StreamPipePtr;

  StreamPipe(Shard& near_shard, StreamEnd& near_end) : near(near_shard), end(&near_end) {}

  std::atomic<std::uint32_t> refs{1};
  Shard& near;
  StreamEnd* end;                       // null: gone [near shard]
  std::atomic<std::size_t> untaken{0};  // StreamEnd::Fed::waiting; written under the lock

  std::mutex mutex;            // for the rest
  StreamLink* link = nullptr;  // with its shard; null while it travels, is on `near`, or is gone
  Shard* link_shard = nullptr;
  std::unique_ptr<StreamInput> input;    // null: none
  std::unique_ptr<StreamOutput> output;  // null: none
  std::size_t output_size = 0;           // with what the end holds back
  bool link_woken = false, end_woken = false;
  bool paused = false;
  bool wants_taken = false;     // the link is to be woken when output_size is 0, or at resume()
  bool wants_writable = false;  // the user is, when untaken is 0
  bool writable = false;

  StreamOutput& ensure_output() {
    if (!output) output = std::make_unique<StreamOutput>();
    return *output;
  }
  // Make the other end look, once. Called with the lock held, which they give back.
  static void wake_link(const Ptr& pipe, std::unique_lock<std::mutex> lock);
  static void wake_end(const Ptr& pipe, std::unique_lock<std::mutex> lock);
};

class StreamLink final : public Link {
 public:
  StreamLink(Shard& shard, PeerInfo peer);
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
  StreamEnd::Fed feed_in_place(char* bytes, std::size_t size, std::size_t room);
  void on_client_gone(CloseCause cause, std::string_view detail);
  void on_end_destroyed() { end_ = nullptr; }
  // From the end, on another one: there is something in the pipe.
  void on_wake() { owner().attend(*this); }

 private:
  enum class State : std::uint8_t { open, closing, dead };
  // What an idle stream does without.
  struct Extra {
    std::string unread;
    std::size_t shown = 0;  // bytes at the start of `unread` that the handler has seen
    std::string detail;
    std::optional<Timer> timer;  // the peer takes nothing
  };

  Shard& owner() const { return static_cast<Shard&>(*shard_); }
  const ListenerInfo& info() const { return *peer_.listener; }
  bool counted() const { return !peer_.carried && info().state; }
  Extra& extra();
  void trim();
  std::size_t unread() const { return extra_ ? extra_->unread.size() : 0; }
  std::string_view detail() const { return extra_ ? std::string_view(extra_->detail) : ""; }

  void flush() override;
  void attend() override;
  void leave() override;
  void arrive() override;

  bool deliverable() const { return state_ == State::open && !paused_ && !moving_ && !in_handler_; }
  std::size_t waiting() const;
  std::size_t call_handler(std::string_view data);
  void deliver(std::string_view fresh);
  void present();
  void drop_unread();
  void absorb(std::unique_ptr<StreamInput> input);
  void take_from_pipe();
  void tell_taken();

  bool send_near();
  bool send_far();
  void after_send(bool progress);
  bool all_taken();
  void arm_timer(std::int64_t delay_ms);
  void stop_timer();
  void finish(CloseCause cause, std::string_view detail);
  void report();
  void on_timer();

  StreamPipe::Ptr pipe_;      // since it left for the first time
  StreamEnd* end_ = nullptr;  // while it is on this shard
  std::unique_ptr<LinkHandler> handler_;
  std::unique_ptr<Extra> extra_;
  State state_ = State::open;
  CloseCause cause_ = CloseCause::local;
  bool paused_ = false;
  bool moving_ = false;
  bool again_ = false;  // what the handler left is to be shown to it once more
  bool in_handler_ = false;
  bool client_gone_ = false;
};

}  // namespace keel::kernel
