// The near end of a stream, and how the ends wake each other.
#include <fmt/format.h>

#include <array>
#include <vector>

#include "kernel/net/admission.hpp"
#include "kernel/net/stream_link.hpp"
#include "kernel/net/stream_pipe.hpp"

namespace keel::kernel {

StreamPipePtr::StreamPipePtr(const StreamPipePtr& other) : pipe_(other.pipe_) {
  if (pipe_) pipe_->refs.fetch_add(1, std::memory_order_relaxed);
}
StreamPipePtr::~StreamPipePtr() {
  if (pipe_ && pipe_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete pipe_;
}

// On the stack of what calls the user: whether the end was destroyed meanwhile.
class StreamEnd::Watch {
 public:
  // Not inline: gcc 12 takes the pointer for one that dangles.
  [[gnu::noinline]] explicit Watch(StreamEnd& end)
      : end_(end), outer_(std::exchange(end.watch_, this)) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    if (!gone_) end_.watch_ = outer_;
  }
  bool gone() const { return gone_; }
  void tell() {
    gone_ = true;
    if (outer_) outer_->tell();
  }

 private:
  StreamEnd& end_;
  Watch* outer_;
  bool gone_ = false;
};

// A link that left meanwhile looks by itself when it arrives.
void StreamPipe::wake_link(const Ptr& pipe, std::unique_lock<std::mutex> lock) {
  if (pipe->link_woken || !pipe->link_shard) return;
  pipe->link_woken = true;
  Shard* const shard = pipe->link_shard;
  lock.unlock();
  shard->post([pipe, shard] {
    std::unique_lock inside(pipe->mutex);
    if (pipe->link_shard != shard) return;
    pipe->link_woken = false;
    StreamLink* const there = pipe->link;
    inside.unlock();
    there->on_wake();
  });
}

void StreamPipe::wake_end(const Ptr& pipe, std::unique_lock<std::mutex> lock) {
  if (pipe->end_woken) return;
  pipe->end_woken = true;
  lock.unlock();
  pipe->near.post([pipe] {
    if (pipe->end) pipe->end->on_wake();
  });
}

void StreamInput::append(StreamInput&& later) {
  bytes += later.bytes;
  if (!later.gone) return;
  gone = true;
  cause = later.cause;
  detail = std::move(later.detail);
}

void StreamUser::on_batch(OutBuffer& batch) {
  std::array<iovec, 64> few;
  const int count = batch.gather(few.data(), static_cast<int>(few.size()));
  if (static_cast<std::size_t>(count) < few.size()) return on_output(few.data(), count);
  std::vector<iovec> many(few.size());
  int filled = count;
  while (static_cast<std::size_t>(filled) == many.size()) {
    many.resize(many.size() * 4);
    filled = batch.gather(many.data(), static_cast<int>(many.size()));
  }
  on_output(many.data(), filled);
}

Result<std::unique_ptr<StreamEnd>> StreamEnd::open(Shard& shard, PeerInfo peer,
                                                   const HandlerFactory& factory,
                                                   StreamUser& user) {
  if (!peer.listener) return Error{"a stream needs the settings of a listener"};
  if (!peer.carried && peer.listener->state) {
    if (const char* limit = admit(*peer.listener, shard.now_ms())) {
      shard.metrics().add(Metric::connections_refused);
      return Error{fmt::format("{} of listener {} is reached; raise it or find out who connects",
                               limit, peer.listener->settings.name)};
    }
    shard.metrics().add(Metric::connections_accepted);
  }
  std::unique_ptr<StreamEnd> end(new StreamEnd(shard, user));
  auto owned = std::make_unique<StreamLink>(shard, std::move(peer));
  StreamLink& link = *owned;
  shard.adopt(std::move(owned));
  if (!link.start(*end, factory)) return Error{"nobody speaks the protocol of this stream"};
  return end;
}

StreamEnd::StreamEnd(Shard& shard, StreamUser& user) : shard_(shard), user_(&user) {}

StreamEnd::~StreamEnd() {
  close(CloseCause::peer, "dropped");
  if (link_) {
    link_->on_end_destroyed();
  } else {
    hand_over();
  }
  shard_.forget(*this);
  if (pipe_) pipe_->end = nullptr;
  if (watch_) watch_->tell();
}

StreamEnd::Fed StreamEnd::feed(std::string_view bytes, When when) {
  if (over_) return {};
  Fed fed;
  if (link_) {
    fed = link_->feed(bytes, when);
  } else if (pipe_) {
    fed.waiting = pipe_->untaken.load(std::memory_order_relaxed) + (fed_ ? fed_->bytes.size() : 0);
    if (fed.waiting < kMaxWaiting) {
      fed.taken = true;
      fed.waiting += bytes.size();
      if (!bytes.empty()) ensure_fed().bytes += bytes;
      shard_.at_turn_end(*this);
    }
  }
  wants_writable_ = wants_writable_ || fed.waiting > kEnough;
  return fed;
}

StreamEnd::Fed StreamEnd::feed_in_place(char* bytes, std::size_t size, std::size_t room) {
  if (!link_ || over_) return feed({bytes, size}, When::now);
  const Fed fed = link_->feed_in_place(bytes, size, room);
  wants_writable_ = wants_writable_ || fed.waiting > kEnough;
  return fed;
}

StreamInput& StreamEnd::ensure_fed() {
  if (!fed_) fed_ = std::make_unique<StreamInput>();
  return *fed_;
}

void StreamEnd::close(CloseCause cause, std::string detail) {
  if (std::exchange(over_, true)) return;
  user_ = nullptr;
  held_.reset();
  if (link_) return link_->on_client_gone(cause, detail);
  StreamInput& last = ensure_fed();
  last.gone = true;
  last.cause = cause;
  last.detail = std::move(detail);
  shard_.at_turn_end(*this);
}

void StreamEnd::pause() {
  paused_ = true;
  if (link_ || !pipe_) return;
  const std::lock_guard lock(pipe_->mutex);
  pipe_->paused = true;
}

void StreamEnd::resume() {
  paused_ = false;
  if (link_) link_->touch();
  shard_.at_turn_end(*this);
}

void StreamEnd::at_turn_end() {
  if (!present_held() || link_) return;
  hand_over();
}

// Everything of this turn to the other shard.
void StreamEnd::hand_over() {
  const std::unique_ptr<StreamInput> fed = std::move(fed_);
  if (!pipe_) return;  // the link went with its shard
  std::unique_lock lock(pipe_->mutex);
  bool news = fed != nullptr;
  if (fed) {
    pipe_->untaken += fed->bytes.size();
    if (!pipe_->input) pipe_->input = std::make_unique<StreamInput>();
    pipe_->input->append(std::move(*fed));
  }
  pipe_->wants_writable = wants_writable_;
  if (pipe_->paused != paused_) {
    pipe_->paused = paused_;
    news = news || std::exchange(pipe_->wants_taken, false);
  }
  if (news) StreamPipe::wake_link(pipe_, std::move(lock));
}

// ---- from the link

void StreamEnd::present(OutBuffer& batch) {
  if (user_) user_->on_batch(batch);
}

// False: the user destroyed this.
bool StreamEnd::present_held() {
  Watch watch(*this);
  std::size_t presented = 0;
  while (held_ && !paused_) {
    OutBuffer batch = held_->take();
    if (held_->empty()) held_.reset();
    presented += batch.size();
    present(batch);
    if (watch.gone()) return false;
  }
  if (presented == 0) return true;
  if (link_) link_->touch();
  if (!pipe_) return true;
  std::unique_lock lock(pipe_->mutex);
  pipe_->output_size -= std::min(pipe_->output_size, presented);
  if (pipe_->output_size != 0 || !std::exchange(pipe_->wants_taken, false)) return true;
  StreamPipe::wake_link(pipe_, std::move(lock));
  return true;
}

void StreamEnd::hold(std::unique_ptr<StreamOutput> output) {
  if (!user_ || output->empty()) return;
  if (!held_) {
    held_ = std::move(output);
    return;
  }
  for (OutBuffer& batch : output->batches) held_->batches.push_back(std::move(batch));
}

void StreamEnd::on_wake() {
  Watch watch(*this);
  bool writable = false;
  std::unique_ptr<StreamOutput> output;
  {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->end_woken = false;
    output = std::move(pipe_->output);
    writable = std::exchange(pipe_->writable, false);
  }
  const bool link_over = output && output->over;
  const CloseCause cause = link_over ? output->cause : CloseCause::local;
  const std::string detail = link_over ? std::move(output->detail) : std::string();
  if (output) hold(std::move(output));
  if (!present_held()) return;
  if (writable) {
    tell_writable();
    if (watch.gone()) return;
  }
  if (link_over) report(cause, detail);
}

void StreamEnd::tell_writable() {
  wants_writable_ = false;
  if (user_) user_->on_writable();
}

void StreamEnd::report(CloseCause cause, std::string_view detail) {
  over_ = true;
  held_.reset();
  if (StreamUser* const user = std::exchange(user_, nullptr)) user->on_closed(cause, detail);
}

}  // namespace keel::kernel
