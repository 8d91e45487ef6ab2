// The link: life, input, output. Its other end is in stream_end.cpp.
#include "kernel/net/stream_link.hpp"

#include <cstring>

#include "kernel/net/admission.hpp"
#include "kernel/net/stream_pipe.hpp"

namespace keel::kernel {

StreamLink::StreamLink(Shard& shard, PeerInfo peer) : Link(shard) { peer_ = std::move(peer); }

StreamLink::~StreamLink() {
  handler_.reset();
  if (end_) end_->link_ = nullptr;
  if (pipe_) {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->link = nullptr;
    pipe_->link_shard = nullptr;
  }
  if (counted()) keel::kernel::leave(*info().state);
}

StreamLink::Extra& StreamLink::extra() {
  if (!extra_) extra_ = std::make_unique<Extra>();
  return *extra_;
}

// Gives back what an idle stream does not need. One that ends keeps its reason.
void StreamLink::trim() {
  if (state_ == State::open && extra_ && extra_->unread.empty() && extra_->detail.empty() &&
      !extra_->timer) {
    extra_.reset();
  }
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
  stop_timer();
  StreamEnd* const end = std::exchange(end_, nullptr);
  if (end && !pipe_) end->pipe_ = pipe_ = StreamPipe::Ptr(new StreamPipe(owner(), *end));
  if (end) end->link_ = nullptr;
  if (!pipe_) return;
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
  owner().attend(*this);
  touch();
  if (!pipe_) return;  // the end was gone before the first move
  const bool home = &owner() == &pipe_->near && pipe_->end;
  {
    const std::lock_guard lock(pipe_->mutex);
    pipe_->link = home ? nullptr : this;
    pipe_->link_shard = home ? nullptr : &owner();
    pipe_->link_woken = false;
  }
  if (!home) return;
  take_from_pipe();
  end_ = pipe_->end;
  end_->link_ = this;
  end_->wants_writable_ = pipe_->wants_writable;
  absorb(std::move(end_->fed_));
  end_->on_wake();  // output that is older than what comes now; it may destroy the end
}

// ---- input

// A packet that is not complete does not wait: the handler has seen what there is of it.
std::size_t StreamLink::waiting() const {
  if (state_ != State::open || !extra_) return 0;
  return unread() - (paused_ || moving_ || again_ ? 0 : extra_->shown);
}

std::size_t StreamLink::call_handler(std::string_view data) {
  again_ = false;
  in_handler_ = true;
  const std::size_t taken = std::min(handler_->on_data(data), data.size());
  in_handler_ = false;
  return taken;
}

// Bytes with nothing before them: only what is not taken is copied. What was fed by code that the
// handler called stands in `unread` and belongs behind.
void StreamLink::deliver(std::string_view fresh) {
  const std::string_view rest = fresh.substr(call_handler(fresh));
  if (state_ != State::open) return drop_unread();
  if (!rest.empty()) extra().unread.insert(0, rest);
  if (!extra_) return;
  extra_->shown = rest.size();
  trim();
}

// Much may wait, of a large packet that comes in pieces: it is not copied each time.
void StreamLink::present() {
  std::string data = std::exchange(extra_->unread, {});
  extra_->shown = 0;
  const std::size_t taken = call_handler(data);
  if (state_ != State::open) return drop_unread();
  data.erase(0, taken);
  const std::size_t shown = data.size();
  if (extra_) data += extra_->unread;
  if (!data.empty()) extra().unread = std::move(data);
  if (!extra_) return;
  extra_->shown = shown;
  trim();
}

void StreamLink::drop_unread() {
  if (!extra_) return;
  extra_->unread = std::string();
  extra_->shown = 0;
}

StreamEnd::Fed StreamLink::feed(std::string_view bytes, StreamEnd::When when) {
  if (state_ != State::open) return {.taken = true, .waiting = 0};
  if (bytes.empty()) return {.taken = true, .waiting = waiting()};
  if (waiting() >= StreamEnd::kMaxWaiting) return {.taken = false, .waiting = waiting()};
  const bool now = when == StreamEnd::When::now && deliverable();
  if (now && unread() == 0) {
    deliver(bytes);
  } else {
    extra().unread += bytes;
    if (now) {
      present();
    } else {
      owner().attend(*this);
    }
  }
  return {.taken = true, .waiting = waiting()};
}

StreamEnd::Fed StreamLink::feed_in_place(char* bytes, std::size_t size, std::size_t room) {
  const std::size_t before = unread();
  if (before == 0 || before > room || !deliverable()) {
    return feed({bytes, size}, StreamEnd::When::now);
  }
  std::memcpy(bytes - before, extra_->unread.data(), before);
  drop_unread();
  deliver({bytes - before, before + size});
  return {.taken = true, .waiting = waiting()};
}

void StreamLink::on_client_gone(CloseCause cause, std::string_view detail) {
  client_gone_ = true;
  cause_ = cause;
  extra().detail = detail;
  touch();  // output is dropped, and whoever waits for that goes on
  owner().attend(*this);
}

void StreamLink::absorb(std::unique_ptr<StreamInput> input) {
  if (!input) return;
  if (state_ == State::open && !input->bytes.empty()) extra().unread += input->bytes;
  if (!input->gone) return;
  client_gone_ = true;
  cause_ = input->cause;
  extra().detail = std::move(input->detail);
  touch();
}

// What the end left in the pipe.
void StreamLink::take_from_pipe() {
  std::unique_ptr<StreamInput> input;
  {
    const std::lock_guard lock(pipe_->mutex);
    input = std::move(pipe_->input);
  }
  absorb(std::move(input));
}

// Lets the feeder know how far things are.
void StreamLink::tell_taken() {
  if (end_) {
    if (end_->wants_writable_ && waiting() == 0) end_->tell_writable();
    return;
  }
  if (!pipe_) return;
  std::unique_lock lock(pipe_->mutex);
  pipe_->untaken = waiting() + (pipe_->input ? pipe_->input->bytes.size() : 0);
  if (!pipe_->wants_writable || pipe_->untaken != 0) return;
  pipe_->wants_writable = false;
  pipe_->writable = true;
  StreamPipe::wake_end(pipe_, std::move(lock));
}

void StreamLink::attend() {
  if (moving_) return;
  if (state_ == State::dead) {
    report();
    owner().retire(*this);
    return;
  }
  if (!end_ && pipe_) take_from_pipe();
  if (want_drained_ && out.empty()) {
    want_drained_ = false;
    in_handler_ = true;
    handler_->on_drained();
    in_handler_ = false;
  }
  if (deliverable() && (again_ || waiting() != 0)) {
    again_ = false;
    if (unread() != 0) present();
  }
  if (moving_) return;
  tell_taken();
  if (!out.empty() || state_ == State::closing) touch();
  if (client_gone_ && (state_ == State::closing || (!paused_ && waiting() == 0))) {
    finish(cause_, std::string(detail()));
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
  if (end_->paused_ || end_->held_) return false;
  OutBuffer batch = std::exchange(out, OutBuffer());
  end_->present(batch);
  return true;
}

bool StreamLink::send_far() {
  if (!pipe_) return false;
  std::unique_lock lock(pipe_->mutex);
  if (pipe_->paused || pipe_->output_size >= StreamPipe::kWindow) {
    pipe_->wants_taken = true;
    return false;
  }
  pipe_->output_size += out.size();
  pipe_->ensure_output().batches.push_back(std::exchange(out, OutBuffer()));
  StreamPipe::wake_end(pipe_, std::move(lock));
  return true;
}

// Whether the user has everything.
bool StreamLink::all_taken() {
  if (!out.empty()) return false;
  if (client_gone_) return true;
  if (end_) return end_->held_ == nullptr;
  if (!pipe_) return true;
  const std::lock_guard lock(pipe_->mutex);
  pipe_->wants_taken = pipe_->output_size != 0;
  return pipe_->output_size == 0;
}

void StreamLink::after_send(bool progress) {
  const bool done = state_ == State::closing ? all_taken() : out.empty();
  if (!done) {
    const std::int64_t allowed = info().send_timeout_ms;
    if (progress || !extra_ || !extra_->timer) arm_timer(allowed);
    return;
  }
  stop_timer();
  if (state_ == State::closing) return finish(CloseCause::local, "closed");
  if (want_drained_) owner().attend(*this);
}

void StreamLink::arm_timer(std::int64_t delay_ms) {
  if (delay_ms <= 0) return;  // no limit
  Extra& part = extra();
  if (!part.timer) {
    part.timer.emplace([](void* link) { static_cast<StreamLink*>(link)->on_timer(); }, this);
  }
  shard_->timers().arm(*part.timer, delay_ms);
}

void StreamLink::stop_timer() {
  if (!extra_ || !extra_->timer) return;
  extra_->timer.reset();
  trim();
}

void StreamLink::on_timer() { finish(CloseCause::slow, "took no byte for limits.send_timeout"); }

// ---- the end

// Nothing more is sent. The handler hears of it later.
void StreamLink::finish(CloseCause cause, std::string_view detail) {
  if (state_ == State::dead) return;
  const bool by_us = state_ == State::closing && cause != CloseCause::slow;
  cause_ = by_us ? CloseCause::local : cause;
  extra().detail = by_us ? "closed" : detail;
  state_ = State::dead;
  stop_timer();
  out.clear();
  drop_unread();
  if (!moving_) owner().attend(*this);
}

void StreamLink::report() {
  if (handler_) {
    if (counted()) {
      info().state->closed[static_cast<std::size_t>(cause_)].fetch_add(1,
                                                                       std::memory_order_relaxed);
    }
    in_handler_ = true;
    handler_->on_closed(cause_, detail());
    handler_.reset();
  }
  if (end_) {
    StreamEnd& end = *std::exchange(end_, nullptr);
    end.link_ = nullptr;
    return end.report(cause_, detail());
  }
  if (!pipe_) return;
  std::unique_lock lock(pipe_->mutex);
  pipe_->link = nullptr;
  pipe_->link_shard = nullptr;
  StreamOutput& last = pipe_->ensure_output();
  last.over = true;
  last.cause = cause_;
  last.detail = detail();
  StreamPipe::wake_end(pipe_, std::move(lock));
}

}  // namespace keel::kernel
