// The near end of a stream, and how the ends wake each other.
#include <fmt/format.h>

#include <array>
#include <vector>

#include "kernel/net/admission.hpp"
#include "kernel/net/stream_link.hpp"
#include "kernel/net/stream_pipe.hpp"

namespace keel::kernel {

// A link that left meanwhile looks by itself when it arrives.
void StreamPipe::wake_link(std::unique_lock<std::mutex> lock) {
  if (link_woken || !link_shard) return;
  link_woken = true;
  Shard* const shard = link_shard;
  lock.unlock();
  shard->post([pipe = shared_from_this(), shard] {
    std::unique_lock inside(pipe->mutex);
    if (pipe->link_shard != shard) return;
    pipe->link_woken = false;
    StreamLink* const there = pipe->link;
    inside.unlock();
    there->on_wake();
  });
}

void StreamPipe::wake_end(std::unique_lock<std::mutex> lock) {
  if (end_woken) return;
  end_woken = true;
  lock.unlock();
  near.post([pipe = shared_from_this()] {
    if (pipe->end) pipe->end->on_wake();
  });
}

StreamEnd::StreamEnd(Shard& shard, StreamUser& user, std::shared_ptr<StreamPipe> pipe)
    : shard_(shard), user_(&user), pipe_(std::move(pipe)) {
  pipe_->end = this;
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
  auto pipe = std::make_shared<StreamPipe>(shard);
  std::unique_ptr<StreamEnd> end(new StreamEnd(shard, user, pipe));
  auto owned = std::make_unique<StreamLink>(shard, std::move(peer), std::move(pipe));
  StreamLink& link = *owned;
  shard.adopt(std::move(owned));
  if (!link.start(*end, factory)) return Error{"nobody speaks the protocol of this stream"};
  return end;
}

StreamEnd::~StreamEnd() {
  close(CloseCause::peer, "dropped");
  if (link_) {
    link_->on_end_destroyed();
  } else {
    hand_over();
  }
  shard_.forget(*this);
  pipe_->end = nullptr;
}

StreamEnd::Fed StreamEnd::feed(std::string_view bytes, When when) {
  if (over_) return {};
  Fed fed;
  if (link_) {
    fed = link_->feed(bytes, when);
  } else {
    fed.waiting = pipe_->untaken.load(std::memory_order_relaxed) + fed_.size();
    if (fed.waiting < kMaxWaiting) {
      fed.taken = true;
      fed.waiting += bytes.size();
      fed_ += bytes;
      shard_.at_turn_end(*this);
    }
  }
  wants_writable_ = wants_writable_ || fed.waiting > kEnough;
  return fed;
}

void StreamEnd::close(CloseCause cause, std::string detail) {
  if (std::exchange(over_, true)) return;
  user_ = nullptr;
  held_.clear();
  if (link_) return link_->on_client_gone(cause, detail);
  closed_here_ = true;
  cause_ = cause;
  detail_ = std::move(detail);
  shard_.at_turn_end(*this);
}

void StreamEnd::pause() {
  paused_ = true;
  if (link_) return;
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
  std::unique_lock lock(pipe_->mutex);
  bool news = !fed_.empty() || closed_here_;
  pipe_->untaken += fed_.size();
  if (pipe_->input.empty()) {
    pipe_->input = std::move(fed_);
  } else {
    pipe_->input += fed_;
  }
  fed_ = std::string();
  pipe_->wants_writable = wants_writable_;
  if (std::exchange(closed_here_, false)) {
    pipe_->client_gone = true;
    pipe_->client_cause = cause_;
    pipe_->client_detail = detail_;
  }
  if (pipe_->paused != paused_) {
    pipe_->paused = paused_;
    news = news || std::exchange(pipe_->wants_taken, false);
  }
  if (news) pipe_->wake_link(std::move(lock));
}

// ---- from the link

void StreamEnd::present(const OutBuffer& batch) {
  if (!user_) return;
  std::array<iovec, 64> few;
  const int count = batch.gather(few.data(), static_cast<int>(few.size()));
  if (static_cast<std::size_t>(count) < few.size()) return user_->on_output(few.data(), count);
  std::vector<iovec> many(few.size());
  int filled = count;
  while (static_cast<std::size_t>(filled) == many.size()) {
    many.resize(many.size() * 4);
    filled = batch.gather(many.data(), static_cast<int>(many.size()));
  }
  user_->on_output(many.data(), filled);
}

// False: the user destroyed this.
bool StreamEnd::present_held() {
  const std::shared_ptr<StreamPipe> pipe = pipe_;
  std::size_t presented = 0;
  while (!held_.empty() && !paused_) {
    const OutBuffer batch = std::move(held_.front());
    held_.pop_front();
    presented += batch.size();
    present(batch);
    if (pipe->end != this) return false;
  }
  if (presented == 0) return true;
  if (link_) link_->touch();
  std::unique_lock lock(pipe->mutex);
  pipe->output_size -= std::min(pipe->output_size, presented);
  if (pipe->output_size != 0 || !std::exchange(pipe->wants_taken, false)) return true;
  pipe->wake_link(std::move(lock));
  return true;
}

void StreamEnd::on_wake() {
  bool writable = false, link_over = false;
  {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->end_woken = false;
    for (OutBuffer& batch : pipe_->output) held_.push_back(std::move(batch));
    pipe_->output.clear();
    writable = std::exchange(pipe_->writable, false);
    link_over = std::exchange(pipe_->link_over, false);
  }
  if (!user_) held_.clear();
  const std::shared_ptr<StreamPipe> pipe = pipe_;
  if (!present_held()) return;
  if (writable) {
    tell_writable();
    if (pipe->end != this) return;
  }
  if (link_over) report(pipe->link_cause, pipe->link_detail);
}

void StreamEnd::tell_writable() {
  wants_writable_ = false;
  if (user_) user_->on_writable();
}

void StreamEnd::report(CloseCause cause, std::string_view detail) {
  over_ = true;
  held_.clear();
  if (StreamUser* const user = std::exchange(user_, nullptr)) user->on_closed(cause, detail);
}

}  // namespace keel::kernel
