// A link over bytes that somebody else carries: the frames of a WebSocket plugin, or an MQTT client
// inside the process. Two ends: StreamEnd stays on the shard that opened it, with who carries the
// bytes; the link itself, with the protocol's handler, moves to other shards like a TcpLink.
//
// On one shard the ends call each other: no copy, no post. Once the link has moved, bytes and
// output buffers go through a StreamPipe, in batches, one post per direction and turn. Either end
// may go first. What an idle stream does not need is not there.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <string_view>
#include <utility>

#include "kernel/net/shard.hpp"
#include "kernel/net/tcp_link.hpp"

namespace keel::kernel {

class StreamLink;
struct StreamPipe;
struct StreamInput;
struct StreamOutput;

// A counted pointer, of any thread.
class StreamPipePtr {
 public:
  StreamPipePtr() = default;
  explicit StreamPipePtr(StreamPipe* made) : pipe_(made) {}
  StreamPipePtr(const StreamPipePtr& other);
  StreamPipePtr(StreamPipePtr&& other) noexcept : pipe_(std::exchange(other.pipe_, nullptr)) {}
  StreamPipePtr& operator=(StreamPipePtr other) noexcept {
    std::swap(pipe_, other.pipe_);
    return *this;
  }
  ~StreamPipePtr();
  explicit operator bool() const { return pipe_ != nullptr; }
  StreamPipe* operator->() const { return pipe_; }

 private:
  StreamPipe* pipe_ = nullptr;
};

// Who carries the bytes. Called on the shard of the end, never from within a call to the end; may
// call and destroy the end.
class StreamUser {
 public:
  // Output of the protocol, whole packets, once per flush; valid during the call.
  virtual void on_output(const iovec* pieces, int count) = 0;
  // The same for a user that may want to keep it, by moving from it; its bytes stay where they are.
  // This calls on_output().
  virtual void on_batch(OutBuffer& batch);
  // Everything fed has been taken, after a feed() that answered more than kEnough.
  virtual void on_writable() = 0;
  // The broker ended it, after its last output. The last call.
  virtual void on_closed(CloseCause cause, std::string_view detail) = 0;

 protected:
  ~StreamUser() = default;
};

class StreamEnd final : private TurnEnd {
 public:
  static constexpr std::size_t kEnough = 64 * 1024;            // waiting: better feed no more
  static constexpr std::size_t kMaxWaiting = 2 * 1024 * 1024;  // waiting: nothing more is taken

  enum class When : std::uint8_t {
    now,       // a handler on this shard is called from within feed()
    this_turn  // it is called later in this turn: for callers that must not be called back
  };
  struct Fed {
    bool taken = false;  // all of it; false: nothing, the bound is reached or it is over
    // Bytes that the handler has not been shown, or pauses before. A packet that is not complete
    // yet does not count.
    std::size_t waiting = 0;
  };
  // Makes link and handler on `shard`. `peer` has a listener: real, or made for the purpose. Where
  // that one counts the stream is counted as accepted there and may be refused, unless it is
  // carried by a connection that was counted.
  static Result<std::unique_ptr<StreamEnd>> open(Shard& shard, PeerInfo peer,
                                                 const HandlerFactory& factory, StreamUser& user);
  StreamEnd(const StreamEnd&) = delete;
  StreamEnd& operator=(const StreamEnd&) = delete;
  // As close(CloseCause::peer). May run after the shard has stopped, not after it was destroyed.
  ~StreamEnd() override;

  // Bytes from the client, cut anywhere. None: only asks.
  Fed feed(std::string_view bytes, When when = When::now);
  // The same, now, with bytes that may be overwritten, and so may `room` bytes before them: what
  // the handler left of the last ones is put there, instead of copying these.
  Fed feed_in_place(char* bytes, std::size_t size, std::size_t room);
  // Whether the handler is on this shard.
  bool near() const { return link_ != nullptr; }
  // The client is gone: what was fed before is shown to the handler, then it is told; output is
  // dropped. The user is not called any more.
  void close(CloseCause cause, std::string detail);
  // No output until resumed. What waits counts as the client being slow.
  void pause();
  void resume();

  bool over() const { return over_; }  // closed by either side

 private:
  friend class StreamLink;
  friend struct StreamPipe;
  class Watch;
  StreamEnd(Shard& shard, StreamUser& user);

  StreamInput& ensure_fed();
  void hold(std::unique_ptr<StreamOutput> output);
  void present(OutBuffer& batch);
  void report(CloseCause cause, std::string_view detail);
  void tell_writable();
  void on_wake();
  bool present_held();
  void at_turn_end() override;
  void hand_over();

  bool paused_ = false;
  bool over_ = false;
  bool wants_writable_ = false;
  Shard& shard_;
  StreamUser* user_;                    // null: not to be called any more
  StreamLink* link_ = nullptr;          // while it is on this shard
  Watch* watch_ = nullptr;              // who wants to know that this was destroyed
  StreamPipePtr pipe_;                  // since the link left for the first time
  std::unique_ptr<StreamInput> fed_;    // for the other shard, at the end of the turn
  std::unique_ptr<StreamOutput> held_;  // from the other shard, not presented yet; never empty
};

}  // namespace keel::kernel
