// Life of a link: start, close, time-outs, moves. Its opening is in tcp_link_open.cpp, input and
// output in tcp_link_io.cpp.
#include "kernel/net/tcp_link.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/net/admission.hpp"
#include "kernel/net/tcp_link_extra.hpp"

namespace keel::kernel {
namespace {

constexpr std::int64_t kLingerMs = 1'000;

}  // namespace

Incoming::Incoming(Incoming&& other) noexcept
    : fd(std::exchange(other.fd, -1)),
      peer(other.peer),
      info(std::move(other.info)),
      tls(std::move(other.tls)),
      factory(std::move(other.factory)) {}

Incoming::~Incoming() {
  if (fd < 0) return;
  ::close(fd);
  if (info && info->state) keel::kernel::leave(*info->state);
}

TcpLink::TcpLink(Shard& shard, Incoming& incoming)
    : Link(shard), fd_(std::exchange(incoming.fd, -1)) {
  peer_.endpoint = incoming.peer;
  peer_.listener = std::move(incoming.info);
}

TcpLink::~TcpLink() {
  handler_.reset();
  if (registered_) owner().poller().remove(fd_, *this);
  ::close(fd_);
  if (info().state) keel::kernel::leave(*info().state);
}

void TcpLink::start(Shard& shard, Incoming incoming) {
  std::unique_ptr<TcpLink> owned(new TcpLink(shard, incoming));
  TcpLink& link = *owned;
  shard.adopt(std::move(owned));
  link.handler_ = (*incoming.factory)(link);
  link.begin(std::move(incoming.tls));
}

Link* TcpLink::start_made(Shard& shard, Incoming incoming, std::unique_ptr<TlsSession> session) {
  std::unique_ptr<TcpLink> owned(new TcpLink(shard, incoming));
  TcpLink& link = *owned;
  link.made_ = true;
  if (session) {
    link.peer_.verified = session->verified();
    link.extra().tls = std::move(session);
  }
  shard.adopt(std::move(owned));
  link.handler_ = (*incoming.factory)(link);
  link.begin(nullptr);
  if (!link.handler_) return nullptr;
  if (link.state_ == State::open) shard.attend(link);  // TLS may have received more already
  return &link;
}

Endpoint TcpLink::local() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
  return Endpoint::from(name);
}

TcpLink::Extra& TcpLink::extra() {
  if (!extra_) extra_ = std::make_unique<Extra>();
  return *extra_;
}

// Gives back what an idle connection does not need. One that ends keeps its reason.
void TcpLink::trim() {
  if (state_ != State::open || !extra_) return;
  if (extra_->unread.empty() && !extra_->tls && !extra_->tls_behind && !extra_->timer) {
    extra_.reset();
  }
}

TlsSession* TcpLink::tls() const { return extra_ ? extra_->tls.get() : nullptr; }

void TcpLink::close() {
  if (state_ == State::proxy || state_ == State::handshake) {
    finish(CloseCause::local, "closed");
  } else if (state_ == State::open) {
    state_ = State::closing;
    touch();
  }
}

void TcpLink::abort() { finish(CloseCause::local, "aborted"); }

void TcpLink::pause_reading() {
  paused_ = true;
  if (state_ == State::open && !moving_)
    watch(write_wants_read_, !out.empty() && (watched_ & EPOLLOUT));
}

void TcpLink::resume_reading() {
  const bool was_paused = paused_;
  paused_ = false;
  if (state_ != State::open || moving_) return;
  if (was_paused) watch(true, watched_ & EPOLLOUT);
  owner().attend(*this);
}

void TcpLink::move_to(ShardCore& target, Task arrived) {
  if (moving_) return;
  moving_ = true;
  owner().depart(*this, target, std::move(arrived));
}

void TcpLink::leave() {
  if (extra_) extra_->timer.reset();
  if (registered_) owner().poller().remove(fd_, *this);
  registered_ = false;
  watched_ = 0;
}

void TcpLink::arrive() {
  moving_ = false;
  if (state_ != State::dead) {
    const bool opening = state_ == State::proxy || state_ == State::handshake;
    watch(state_ != State::open || !paused_, state_ == State::handshake);
    if (opening) arm_timer(info().handshake_timeout_ms);
    if (state_ == State::lingering) arm_timer(kLingerMs);
  }
  if (TlsSession* session = tls()) session->readable();
  if (!out.empty() || state_ == State::closing || want_drained_) touch();
  owner().attend(*this);
}

// Sets what the socket is watched for. Errors and hang-ups come anyway while it is registered at
// all.
void TcpLink::watch(bool in, bool out_too) {
  const auto wanted = static_cast<std::uint8_t>((in ? EPOLLIN : 0U) | (out_too ? EPOLLOUT : 0U));
  if (!registered_) {
    registered_ = owner().poller().add(fd_, wanted, *this);
    if (!registered_) finish(CloseCause::error, "the socket cannot be watched");
  } else if (wanted != watched_) {
    owner().poller().modify(fd_, wanted, *this);
  }
  watched_ = wanted;
}

void TcpLink::attend() {
  if (moving_) return;
  if (state_ == State::dead || state_ == State::lingering) report();
  if (state_ == State::dead) {
    owner().retire(*this);
    return;
  }
  if (state_ != State::open) return;
  if (want_drained_ && out.empty()) {
    want_drained_ = false;
    handler_->on_drained();
  }
  if (readable() && extra_ && !extra_->unread.empty()) present();
  if (readable() && tls()) read();
}

// Tells the handler that it is over, once.
void TcpLink::report() {
  if (!handler_) return;
  if (info().state) {
    info().state->closed[static_cast<std::size_t>(cause_)].fetch_add(1, std::memory_order_relaxed);
  }
  handler_->on_closed(cause_, extra_ ? std::string_view(extra_->detail) : std::string_view());
  handler_.reset();
}

// The connection is over, nothing more is sent. The handler hears of it later.
void TcpLink::finish(CloseCause cause, std::string_view detail) {
  if (state_ == State::dead) return;
  if (state_ != State::lingering) {
    // What close() began stays a local close, however the last bytes fare; too slow is too slow.
    const bool by_us = state_ == State::closing && cause != CloseCause::slow;
    cause_ = by_us ? CloseCause::local : cause;
    extra().detail = by_us ? "closed" : detail;
  }
  state_ = State::dead;
  if (registered_) owner().poller().remove(fd_, *this);
  registered_ = false;
  stop_timer();
  out.clear();
  if (!moving_) owner().attend(*this);
}

// Everything is sent: says goodbye and waits a little for the peer's.
void TcpLink::linger() {
  if (TlsSession* session = tls()) session->shutdown();
  ::shutdown(fd_, SHUT_WR);
  state_ = State::lingering;
  cause_ = CloseCause::local;
  extra().detail = "closed";
  extra_->unread = std::string();
  watch(true, false);
  arm_timer(kLingerMs);
  owner().attend(*this);
}

// Drops what still comes in, until the peer closes.
void TcpLink::drain() {
  const auto scratch = owner().scratch();
  const ssize_t got = ::recv(fd_, scratch.data(), scratch.size(), 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  finish(CloseCause::local, {});
}

void TcpLink::arm_timer(std::int64_t delay_ms) {
  if (delay_ms <= 0) return;  // no limit
  Extra& part = extra();
  if (!part.timer) {
    part.timer.emplace([](void* link) { static_cast<TcpLink*>(link)->on_timer(); }, this);
  }
  shard_->timers().arm(*part.timer, delay_ms);
}

void TcpLink::stop_timer() {
  if (!extra_ || !extra_->timer) return;
  extra_->timer.reset();
  trim();
}

void TcpLink::on_timer() {
  switch (state_) {
    case State::proxy:
      return refuse("PROXY header", "timed out");
    case State::handshake:
      return refuse("TLS handshake", "timed out");
    case State::open:
    case State::closing:
      return finish(CloseCause::slow, "took no byte for limits.send_timeout");
    case State::lingering:
      return finish(CloseCause::local, {});
    case State::dead:
      return;
  }
}

}  // namespace keel::kernel
