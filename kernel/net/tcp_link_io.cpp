// Input and output of a link once it is open.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/net/tcp_link.hpp"
#include "kernel/net/tcp_link_extra.hpp"

namespace keel::kernel {
namespace {

constexpr int kVectors = 64;            // pieces in one send
constexpr int kSendsPerTurn = 16;       // a link with much to say lets the others speak
constexpr std::size_t kRecord = 16384;  // the most one TLS record carries

}  // namespace

void TcpLink::on_events(std::uint32_t events) {
  if (moving_) return;
  switch (state_) {
    case State::proxy:
      return on_proxy_bytes();
    case State::handshake:
      return step_handshake();
    case State::open:
      return on_open_events(events);
    case State::closing:
      if (events & (EPOLLHUP | EPOLLERR)) return finish(CloseCause::local, "closed");
      return touch();
    case State::lingering:
      return drain();
    case State::dead:
      return;
  }
}

void TcpLink::on_open_events(std::uint32_t events) {
  const bool gone = events & (EPOLLHUP | EPOLLERR);
  if ((events & EPOLLOUT) || write_wants_read_ || gone) {
    if (!out.empty()) touch();
  }
  if (TlsSession* session = tls(); session && (events & EPOLLIN)) session->readable();
  if (!readable()) {
    // Nobody reads now, and a hang-up would be reported over and over: look again when reading
    // resumes.
    if (gone) {
      owner().poller().remove(fd_, *this);
      registered_ = false;
      watched_ = 0;
    }
    return;
  }
  if ((events & EPOLLIN) || gone || (read_wants_write_ && (events & EPOLLOUT))) read();
}

// One receive into the shard's buffer, behind what this connection kept of the last one.
void TcpLink::read() {
  char* const fresh = owner().scratch().data() + Shard::kScratchFront;
  const IoResult got = receive(fresh, Shard::kScratchRead);
  const int error = errno;
  if (got.size != 0) {
    shard_->metrics().add(Metric::bytes_received, got.size);
    const std::size_t held = extra_ ? extra_->unread.size() : 0;
    if (held <= Shard::kScratchFront) {
      deliver_behind(held, {fresh, got.size});
    } else {
      deliver_joined({fresh, got.size});
    }
  }
  if (state_ != State::open) return;
  if (got.status == IoStatus::end) {
    return finish(CloseCause::peer, made_ ? "closed by the server" : "closed by the client");
  }
  if (got.status == IoStatus::failed) {
    const bool reset = error == ECONNRESET || error == EPIPE || error == ETIMEDOUT;
    return finish(reset ? CloseCause::peer : CloseCause::error,
                  tls() ? tls()->reason() : std::strerror(error));
  }
  // TLS may hold bytes that the socket will not announce again.
  if (tls() && got.status == IoStatus::ok && tls()->has_pending()) owner().attend(*this);
}

IoResult TcpLink::receive(char* to, std::size_t size) {
  if (tls()) return receive_tls(to, size);
  const ssize_t got = ::recv(fd_, to, size, 0);
  if (got > 0) return {IoStatus::ok, static_cast<std::size_t>(got)};
  if (got == 0) return {IoStatus::end, 0};
  if (errno == EAGAIN || errno == EINTR) return {IoStatus::want_read, 0};
  return {IoStatus::failed, 0};
}

// As many records as are there and fit.
IoResult TcpLink::receive_tls(char* to, std::size_t size) {
  TlsSession& session = *tls();
  IoResult total{IoStatus::ok, 0};
  read_wants_write_ = false;
  while (total.status == IoStatus::ok && size - total.size >= kRecord) {
    const IoResult got = session.read(to + total.size, size - total.size);
    total.status = got.status;
    total.size += got.size;
  }
  if (total.status == IoStatus::want_write) {
    read_wants_write_ = true;
    watch(true, true);
  }
  return total;
}

std::size_t TcpLink::deliver(std::string_view data) {
  return std::min(handler_->on_data(data), data.size());
}

// `held` bytes kept from before are put in front of the fresh ones, in the shard's buffer.
void TcpLink::deliver_behind(std::size_t held, std::string_view fresh) {
  char* const start = const_cast<char*>(fresh.data()) - held;
  if (held != 0) std::memcpy(start, extra_->unread.data(), held);
  const std::string_view all(start, held + fresh.size());
  const std::string_view rest = all.substr(deliver(all));
  if (rest.empty()) {
    if (!extra_) return;
    extra_->unread = std::string();
    return trim();
  }
  extra().unread.assign(rest);
}

// Much was kept already: a large packet comes in pieces. They are collected, not copied again each
// time.
void TcpLink::deliver_joined(std::string_view fresh) {
  extra_->unread.append(fresh);
  present();
}

// Shows the handler what it left before.
void TcpLink::present() {
  const std::size_t taken = deliver(extra_->unread);
  if (taken == 0) return;
  const std::string_view rest = std::string_view(extra_->unread).substr(taken);
  extra_->unread = std::string(rest);
  trim();
}

void TcpLink::flush() {
  if (moving_ || (state_ != State::open && state_ != State::closing)) return;
  // What the buffer refused is a hole in the stream.
  if (out.overflow()) return finish(CloseCause::error, "the output grew too large");
  if (broken_) out.clear();
  const std::size_t before = out.size();
  IoStatus status = IoStatus::ok;
  if (before != 0) status = tls() ? send_tls() : send_plain();
  const std::size_t sent = before - out.size();
  if (sent != 0) shard_->metrics().add(Metric::bytes_sent, sent);
  if (status == IoStatus::failed) return on_send_failure();
  after_send(status, sent != 0);
}

IoStatus TcpLink::send_plain() {
  std::array<iovec, kVectors> vectors;
  for (int i = 0; i < kSendsPerTurn && !out.empty(); ++i) {
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = static_cast<std::size_t>(out.gather(vectors.data(), kVectors));
    std::size_t offered = 0;
    for (std::size_t k = 0; k < message.msg_iovlen; ++k) offered += vectors[k].iov_len;
    const ssize_t sent = message.msg_iovlen == 1
                             ? ::send(fd_, vectors[0].iov_base, vectors[0].iov_len, MSG_NOSIGNAL)
                             : ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      return errno == EAGAIN || errno == EINTR ? IoStatus::want_write : IoStatus::failed;
    }
    out.consume(static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < offered) return IoStatus::want_write;
  }
  return out.empty() ? IoStatus::ok : IoStatus::want_write;
}

IoStatus TcpLink::send_tls() {
  TlsSession& session = *tls();
  write_wants_read_ = false;
  for (int i = 0; i < kSendsPerTurn * 4 && !out.empty(); ++i) {
    iovec vector;
    out.gather(&vector, 1);
    const IoResult sent =
        session.write(static_cast<const char*>(vector.iov_base), std::min(vector.iov_len, kRecord));
    if (sent.status == IoStatus::end) return IoStatus::failed;
    if (sent.status != IoStatus::ok) return sent.status;
    out.consume(sent.size);
  }
  return out.empty() ? IoStatus::ok : IoStatus::want_write;
}

void TcpLink::after_send(IoStatus status, bool progress) {
  if (!out.empty()) {
    write_wants_read_ = status == IoStatus::want_read;
    watch((state_ == State::open && !paused_) || write_wants_read_, status == IoStatus::want_write);
    if (progress || !extra_ || !extra_->timer) arm_timer(info().send_timeout_ms);
    return;
  }
  stop_timer();
  if (state_ == State::closing) return linger();
  if (watched_ & EPOLLOUT) watch(!paused_, read_wants_write_);
  if (want_drained_) owner().attend(*this);
}

// The peer takes no more, but what it sent before it went may still be waiting: the reading side
// finds out.
void TcpLink::on_send_failure() {
  const std::string reason = tls() ? tls()->reason() : std::strerror(errno);
  if (tls() || !readable()) return finish(CloseCause::peer, reason);
  broken_ = true;
  out.clear();
  stop_timer();
  watch(true, false);
}

}  // namespace keel::kernel
