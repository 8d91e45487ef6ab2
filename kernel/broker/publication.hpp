// One message while it is being handed out: views of it, the counted block once somebody has to
// keep it, and its wire forms. Lives on the stack of a publish. [shard]
#pragma once

#include <optional>

#include "kernel/broker/frame_cache.hpp"
#include "kernel/codec/message.hpp"

namespace keel::kernel {

class Publication {
 public:
  // `view` outlives it.
  Publication(const MessageView& view, FrameCache& frames) : view_(view), frames_(frames) {
    frames_.start(view_);
  }
  Publication(MessagePtr message, FrameCache& frames)
      : own_view_(message->view()),
        view_(*own_view_),
        message_(std::move(message)),
        frames_(frames) {
    frames_.start(view_);
  }
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  ~Publication() {
    if (shares_ != 0) message_.release()->unref(shares_ + 1);  // with its own one
  }

  const MessageView& view() const { return view_; }
  FrameCache& frames() { return frames_; }
  // Whether there is but one receiver: then a frame is written straight into its output.
  bool single() const { return single_; }
  void set_single(bool single) { single_ = single; }
  // Somebody was told already that it is kept: no receiver's store may refuse it any more.
  bool promised() const { return promised_; }
  void set_promised(bool promised) { promised_ = promised; }
  // Of its rows in a store, on this shard; 0: none yet. How many of them refer to one copy of it.
  std::uint64_t sequence() const { return sequence_; }
  void set_sequence(std::uint64_t sequence) { sequence_ = sequence; }
  std::uint32_t holders() const { return holders_; }
  void add_holder() { ++holders_; }
  // The block to keep; made on first use.
  const MessagePtr& message() {
    if (!message_) message_ = Message::create(view_);
    return message_;
  }
  // A reference for a receiver. For many of them it comes out of a stock: one addition that other
  // threads have to see instead of one for each.
  MessagePtr share() {
    if (single_ || !message()) return message();
    if (shares_ == 0) message_->ref(shares_ = kShares);
    --shares_;
    return MessagePtr::adopt(message_.get());
  }

 private:
  static constexpr std::uint32_t kShares = 64;

  const std::optional<MessageView> own_view_;  // of `message_`, when there is no other
  const MessageView& view_;
  MessagePtr message_;
  FrameCache& frames_;
  std::uint64_t sequence_ = 0;
  std::uint32_t holders_ = 0;
  std::uint32_t shares_ = 0;  // references that nobody has yet
  bool single_ = false, promised_ = false;
};

}  // namespace keel::kernel
