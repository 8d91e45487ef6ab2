#include "loop.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "clock.hpp"

namespace keel::load {
namespace {

constexpr std::size_t kReadSize = 256 * 1024;
constexpr std::uint32_t kSources = 200;

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    throw std::runtime_error("'" + host + "' is not an IPv4 address");
  return address;
}

void bind_source(int fd, std::uint32_t source) {
  const int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in from = address_of("127.0.0.1", 0);
  from.sin_addr.s_addr = htonl(ntohl(from.sin_addr.s_addr) + source % kSources);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
    throw_errno("cannot bind to a loopback address");
}

}  // namespace

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), buffer_(kReadSize, '\0') {
  if (epoll_ < 0) throw_errno("cannot make an epoll set");
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // waits end when they are to
}

Loop::~Loop() { ::close(epoll_); }

void Loop::read() {
  constexpr std::uint64_t kLongest = 10 * kMillisecond;
  std::array<epoll_event, 512> events;
  std::uint64_t wait = kLongest;
  if (wake_at_ != kNever) {
    const std::uint64_t time = monotonic_ns();
    wait = wake_at_ > time ? std::min(wake_at_ - time, kLongest) : 0;
    wake_at_ = kNever;
  }
  const timespec timeout{0, static_cast<long>(wait)};
  const int count = epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
  if (count < 0 && errno != EINTR) throw_errno("epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    auto* connection = static_cast<Connection*>(events[i].data.ptr);
    if ((events[i].events & EPOLLOUT) != 0 && connection->open()) {
      connection->connecting_ = false;
      connection->flush();
    }
    if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && connection->open())
      connection->readable();
  }
}

void Loop::flush() {
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Connection* connection = dirty_[i];
    connection->dirty_ = false;
    if (connection->open() && !connection->connecting_ && !connection->blocked_)
      connection->flush();
  }
  dirty_.clear();
}

Connection::Connection(Loop& loop, const Target& target, std::uint32_t source)
    : loop_(loop), tunnel_(make_tunnel(target.tunnel)) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw_errno("cannot make a socket (ulimit -n?)");
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (target.host.starts_with("127.")) bind_source(fd_, source);
  const sockaddr_in to = address_of(target.host, target.port);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)
    throw_errno("cannot connect");
  epoll_event event{EPOLLIN | EPOLLOUT, {.ptr = this}};
  if (epoll_ctl(loop_.epoll_, EPOLL_CTL_ADD, fd_, &event) != 0) throw_errno("epoll_ctl");
  blocked_ = true;
  if (tunnel_) tunnel_->begin(out_);
}

Connection::~Connection() {
  close();
  if (dirty_) std::erase(loop_.dirty_, this);
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Connection::mark() {
  if (dirty_) return;
  dirty_ = true;
  loop_.dirty_.push_back(this);
}

std::string& Connection::out() {
  mark();
  return tunnel_ ? unsealed_ : out_;
}

void Connection::watch(std::uint32_t events) {
  epoll_event event{events, {.ptr = this}};
  if (epoll_ctl(loop_.epoll_, EPOLL_CTL_MOD, fd_, &event) != 0) throw_errno("epoll_ctl");
}

void Connection::fail(std::string_view why) {
  close();
  on_closed(why);
}

void Connection::readable() {
  const ssize_t got = recv(fd_, loop_.buffer_.data(), loop_.buffer_.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return fail(std::strerror(errno));
  if (got == 0) return fail("closed by the broker");
  loop_.received_ += static_cast<std::uint64_t>(got);
  received({loop_.buffer_.data(), static_cast<std::size_t>(got)});
}

void Connection::received(std::string_view bytes) {
  if (tunnel_) {
    const char* wrong = tunnel_->unseal(bytes, in_, out_);
    if (wrong != nullptr) return fail(wrong);
    bytes = in_;
    on_bytes(bytes);
    in_.erase(0, in_.size() - bytes.size());
    if (open()) mark();
  } else if (in_.empty()) {
    on_bytes(bytes);
    in_.assign(bytes);
  } else {
    in_.append(bytes);
    bytes = in_;
    on_bytes(bytes);
    in_.erase(0, in_.size() - bytes.size());
  }
}

void Connection::seal() {
  if (!tunnel_ || !tunnel_->ready() || unsealed_.empty()) return;
  tunnel_->seal(unsealed_, out_);
  unsealed_.clear();
}

void Connection::flush() {
  seal();
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t count = send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return fail(std::strerror(errno));
    if (count < 0) break;
    sent += static_cast<std::size_t>(count);
  }
  out_.erase(0, sent);
  if (blocked_ == out_.empty()) {
    blocked_ = !out_.empty();
    watch(blocked_ ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
}

}  // namespace keel::load
