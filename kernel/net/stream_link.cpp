// The link: life, input, output. Its other end is in stream_end.cpp.
#include "kernel/net/stream_link.hpp"

#include "kernel/net/admission.hpp"
#include "kernel/net/stream_pipe.hpp"

namespace keel::kernel {

StreamLink::StreamLink(Shard& shard, PeerInfo peer, std::shared_ptr<StreamPipe> pipe)
    : Link(shard),
      pipe_(std::move(pipe)),
      timer_([](void* self) { static_cast<StreamLink*>(self)->on_timer(); }, this) {
  peer_ = std::move(peer);
}

StreamLink::~StreamLink() {
  handler_.reset();
  if (end_) end_->link_ = nullptr;
  {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->link = nullptr;
    pipe_->link_shard = nullptr;
  }
  if (counted()) keel::kernel::leave(*info().state);
}

bool StreamLink::start(StreamEnd& end, const HandlerFactory& factory) {
  end_ = &end;
  end.link_ = this;
  in_handler_ = true;
  handler_ = factory(*this);
  if (handler_ && state_ == State::open) handler_->on_open();
  in_handler_ = false;
  if (!handler_) finish(CloseCause::local, "refused");
  return handler_ != nullptr;
}

void StreamLink::close() {
  if (state_ != State::open) return;
  state_ = State::closing;
  touch();
}

void StreamLink::resume_reading() {
  paused_ = false;
  again_ = true;
  if (!moving_) owner().attend(*this);
}

void StreamLink::move_to(ShardCore& target, Task arrived) {
  if (moving_) return;
  moving_ = true;
  owner().depart(*this, target, std::move(arrived));
}

void StreamLink::leave() {
  timer_.cancel();
  StreamEnd* const end = std::exchange(end_, nullptr);
  if (end) end->link_ = nullptr;
  const std::lock_guard lock(pipe_->mutex);
  pipe_->link = nullptr;
  pipe_->link_shard = nullptr;
  if (!end) return;
  pipe_->untaken = waiting();
  pipe_->paused = end->paused_;
  pipe_->wants_writable = end->wants_writable_;
}

void StreamLink::arrive() {
  moving_ = false;
  again_ = true;
  const bool home = &owner() == &pipe_->near && pipe_->end;
  {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->link = home ? nullptr : this;
    pipe_->link_shard = home ? nullptr : &owner();
    pipe_->link_woken = false;
  }
  owner().attend(*this);
  if (!home) return touch();
  take_from_pipe();
  end_ = pipe_->end;
  end_->link_ = this;
  end_->wants_writable_ = pipe_->wants_writable;
  unread_ += end_->fed_;
  end_->fed_ = std::string();
  if (std::exchange(end_->closed_here_, false)) {
    client_gone_ = true;
    cause_ = end_->cause_;
    detail_ = end_->detail_;
  }
  touch();
  end_->on_wake();  // output that is older than what comes now; it may destroy the end
}

// ---- input

// A packet that is not complete does not wait: the handler has seen what there is of it.
std::size_t StreamLink::waiting() const {
  if (state_ != State::open) return 0;
  return paused_ || moving_ || again_ ? unread_.size() : unread_.size() - shown_;
}

std::size_t StreamLink::call_handler(std::string_view data) {
  again_ = false;
  in_handler_ = true;
  const std::size_t taken = std::min(handler_->on_data(data), data.size());
  in_handler_ = false;
  return taken;
}

// Bytes with nothing before them: only what is not taken is copied. What was fed by code that the
// handler called stands in unread_ and belongs behind.
void StreamLink::deliver(std::string_view fresh) {
  const std::string_view rest = fresh.substr(call_handler(fresh));
  shown_ = rest.size();
  if (!rest.empty()) unread_.insert(0, rest);
  if (state_ != State::open) unread_ = std::string();
}

void StreamLink::present() {
  std::string data = std::move(unread_);
  unread_ = std::string();
  shown_ = 0;
  const std::size_t taken = call_handler(data);
  if (taken < data.size()) {
    data.erase(0, taken);
    shown_ = data.size();
    data += unread_;
    unread_ = std::move(data);
  }
  if (state_ != State::open) unread_ = std::string();
}

StreamEnd::Fed StreamLink::feed(std::string_view bytes, StreamEnd::When when) {
  if (state_ != State::open) return {.taken = true, .waiting = 0};
  if (bytes.empty()) return {.taken = true, .waiting = waiting()};
  if (waiting() >= StreamEnd::kMaxWaiting) return {.taken = false, .waiting = waiting()};
  const bool now = when == StreamEnd::When::now && deliverable();
  if (now && unread_.empty()) {
    deliver(bytes);
  } else {
    unread_ += bytes;
    if (now) {
      present();
    } else {
      owner().attend(*this);
    }
  }
  return {.taken = true, .waiting = waiting()};
}

void StreamLink::on_client_gone(CloseCause cause, std::string_view detail) {
  client_gone_ = true;
  cause_ = cause;
  detail_ = detail;
  touch();  // output is dropped, and whoever waits for that goes on
  owner().attend(*this);
}

// What the end left in the pipe.
void StreamLink::take_from_pipe() {
  std::string input;
  bool gone = false;
  {
    const std::lock_guard lock(pipe_->mutex);
    input.swap(pipe_->input);
    gone = std::exchange(pipe_->client_gone, false);
    if (gone) {
      cause_ = pipe_->client_cause;
      detail_ = pipe_->client_detail;
    }
  }
  if (state_ == State::open) unread_ += input;
  if (!gone) return;
  client_gone_ = true;
  touch();
}

// Lets the feeder know how far things are.
void StreamLink::tell_taken() {
  if (end_) {
    if (end_->wants_writable_ && waiting() == 0) end_->tell_writable();
    return;
  }
  std::unique_lock lock(pipe_->mutex);
  pipe_->untaken = waiting() + pipe_->input.size();
  if (!pipe_->wants_writable || pipe_->untaken != 0) return;
  pipe_->wants_writable = false;
  pipe_->writable = true;
  pipe_->wake_end(std::move(lock));
}

void StreamLink::attend() {
  if (moving_) return;
  if (state_ == State::dead) {
    report();
    owner().retire(*this);
    return;
  }
  if (!end_) take_from_pipe();
  if (want_drained_ && out.empty()) {
    want_drained_ = false;
    in_handler_ = true;
    handler_->on_drained();
    in_handler_ = false;
  }
  if (deliverable() && (again_ || shown_ < unread_.size())) {
    again_ = false;
    if (!unread_.empty()) present();
  }
  if (moving_) return;
  tell_taken();
  if (!out.empty() || state_ == State::closing) touch();
  if (client_gone_ && (state_ == State::closing || (!paused_ && waiting() == 0))) {
    finish(cause_, std::string(detail_));
  }
}

// ---- output

void StreamLink::flush() {
  if (moving_ || state_ == State::dead) return;
  // What the buffer refused is a hole in the stream.
  if (out.overflow()) return finish(CloseCause::error, "the output grew too large");
  bool progress = false;
  if (client_gone_) {
    out.clear();
  } else if (!out.empty()) {
    progress = end_ ? send_near() : send_far();
  }
  if (state_ != State::dead) after_send(progress);
}

// The buffer is taken away first: what the user does may append to it.
bool StreamLink::send_near() {
  if (end_->paused_ || !end_->held_.empty()) return false;
  const OutBuffer batch = std::exchange(out, OutBuffer());
  end_->present(batch);
  return true;
}

bool StreamLink::send_far() {
  std::unique_lock lock(pipe_->mutex);
  if (pipe_->paused || pipe_->output_size >= StreamPipe::kWindow) {
    pipe_->wants_taken = true;
    return false;
  }
  pipe_->output_size += out.size();
  pipe_->output.push_back(std::exchange(out, OutBuffer()));
  pipe_->wake_end(std::move(lock));
  return true;
}

// Whether the user has everything.
bool StreamLink::all_taken() {
  if (!out.empty()) return false;
  if (client_gone_) return true;
  if (end_) return end_->held_.empty();
  const std::lock_guard lock(pipe_->mutex);
  pipe_->wants_taken = pipe_->output_size != 0;
  return pipe_->output_size == 0;
}

void StreamLink::after_send(bool progress) {
  const bool done = state_ == State::closing ? all_taken() : out.empty();
  if (!done) {
    const std::int64_t allowed = info().send_timeout_ms;
    if (allowed > 0 && (progress || !timer_.armed())) shard_->timers().arm(timer_, allowed);
    return;
  }
  timer_.cancel();
  if (state_ == State::closing) return finish(CloseCause::local, "closed");
  if (want_drained_) owner().attend(*this);
}

void StreamLink::on_timer() { finish(CloseCause::slow, "took no byte for limits.send_timeout"); }

// ---- the end

// Nothing more is sent. The handler hears of it later.
void StreamLink::finish(CloseCause cause, std::string_view detail) {
  if (state_ == State::dead) return;
  const bool by_us = state_ == State::closing && cause != CloseCause::slow;
  cause_ = by_us ? CloseCause::local : cause;
  detail_ = by_us ? "closed" : detail;
  state_ = State::dead;
  timer_.cancel();
  out.clear();
  unread_ = std::string();
  if (!moving_) owner().attend(*this);
}

void StreamLink::report() {
  if (handler_) {
    if (counted()) {
      info().state->closed[static_cast<std::size_t>(cause_)].fetch_add(1,
                                                                       std::memory_order_relaxed);
    }
    in_handler_ = true;
    handler_->on_closed(cause_, detail_);
    handler_.reset();
  }
  if (end_) {
    StreamEnd& end = *std::exchange(end_, nullptr);
    end.link_ = nullptr;
    return end.report(cause_, detail_);
  }
  std::unique_lock lock(pipe_->mutex);
  pipe_->link = nullptr;
  pipe_->link_shard = nullptr;
  pipe_->link_over = true;
  pipe_->link_cause = cause_;
  pipe_->link_detail = detail_;
  pipe_->wake_end(std::move(lock));
}

}  // namespace keel::kernel
