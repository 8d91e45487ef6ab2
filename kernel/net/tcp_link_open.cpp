// How a link opens: the PROXY header, then the TLS handshake, each if the listener asks for it.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "kernel/base/log.hpp"
#include "kernel/net/proxy_header.hpp"
#include "kernel/net/tcp_link.hpp"
#include "kernel/net/tcp_link_extra.hpp"

namespace keel::kernel {

void TcpLink::begin(std::shared_ptr<TlsContext> context) {
  if (!handler_) return finish(CloseCause::local, "refused");
  if (state_ != State::open) return;  // the handler closed it at once
  if (context) extra().tls_behind = std::move(context);
  if (info().settings.proxy_protocol) {
    if (!proxy_admitted()) return;
    state_ = State::proxy;
    arm_timer(info().handshake_timeout_ms);
  } else if (extra_ && extra_->tls_behind) {
    start_handshake();
  }
  if (state_ != State::dead) watch(!(state_ == State::open && paused_), false);
  if (state_ == State::open) opened();
}

// Nothing is left between handler and peer. The handler may do anything to the link.
void TcpLink::opened() {
  if (!out.empty() || want_drained_) touch();
  handler_->on_open();
}

bool TcpLink::proxy_admitted() {
  const auto& from = info().proxy_from;
  if (from.empty() || std::any_of(from.begin(), from.end(), [this](const Cidr& block) {
        return block.contains(peer_.endpoint);
      })) {
    return true;
  }
  refuse("PROXY header", "not from an address in proxy_from");
  return false;
}

// The header is peeked at first, so that exactly its bytes are taken and TLS finds its own behind
// it.
void TcpLink::on_proxy_bytes() {
  const auto scratch = owner().scratch();
  const ssize_t seen = ::recv(fd_, scratch.data(), kMaxProxyHeader, MSG_PEEK);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (seen <= 0) return refuse("PROXY header", "the connection was closed before its end");

  std::string& held = extra().unread;
  const std::size_t before = held.size();
  held.append(scratch.data(), static_cast<std::size_t>(seen));
  ProxyHeader header;
  std::size_t size = 0;
  const ProxyParse result = parse_proxy_header(held, header, size);
  if (result == ProxyParse::malformed) return refuse("PROXY header", "malformed");
  const std::size_t ours =
      result == ProxyParse::ok ? size - before : static_cast<std::size_t>(seen);
  if (::recv(fd_, scratch.data(), ours, 0) != static_cast<ssize_t>(ours)) {
    return finish(CloseCause::error, "the socket failed");
  }
  if (result == ProxyParse::incomplete) return;

  held = std::string();
  if (!header.keeps_address) peer_.endpoint = header.source;
  if (shard_->bans_address(peer_.endpoint)) {
    shard_->metrics().add(Metric::banned_refused);
    return refuse("PROXY header", "the client's address is banned");
  }
  stop_timer();
  if (extra_ && extra_->tls_behind) {
    start_handshake();
  } else {
    state_ = State::open;
    trim();
    watch(!paused_, false);
    if (state_ == State::open) opened();
  }
}

void TcpLink::start_handshake() {
  extra_->tls = TlsSession::create(std::exchange(extra_->tls_behind, nullptr), fd_);
  if (!extra_->tls) return refuse("TLS handshake", "out of memory");
  state_ = State::handshake;
  arm_timer(info().handshake_timeout_ms);
}

void TcpLink::step_handshake() {
  TlsSession& session = *tls();
  session.readable();
  switch (session.handshake()) {
    case IoStatus::ok:
      peer_.verified = session.verified();
      state_ = State::open;
      stop_timer();
      watch(!paused_, false);
      if (state_ == State::open) opened();
      if (readable()) read();  // the first bytes may have come along with the handshake's last
      return;
    case IoStatus::want_read:
      return watch(true, false);
    case IoStatus::want_write:
      return watch(false, true);
    case IoStatus::end:
    case IoStatus::failed:
      return refuse("TLS handshake", session.reason());
  }
}

void TcpLink::refuse(std::string_view what, std::string_view why) {
  KEEL_LOG(info, "listener={} peer={}: {} failed: {}", info().settings.name, peer_.address(), what,
           why);
  if (state_ == State::handshake) shard_->metrics().add(Metric::tls_handshake_failed);
  finish(CloseCause::handshake, fmt::format("{}: {}", what, why));
}

}  // namespace keel::kernel
