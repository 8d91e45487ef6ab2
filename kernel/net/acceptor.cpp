#include "kernel/net/acceptor.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernel/base/log.hpp"
#include "kernel/net/admission.hpp"

namespace keel::kernel {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::int64_t kPauseMs = 100;
constexpr std::int64_t kQuietMs = 10'000;

}  // namespace

Acceptor::Acceptor(Shard& shard, int fd, std::vector<Shard*> targets, AcceptOffer offer)
    : shard_(shard),
      fd_(fd),
      targets_(std::move(targets)),
      next_(shard.index()),
      offer_(std::move(offer)),
      resume_([](void* self) { static_cast<Acceptor*>(self)->open(); }, this) {}

Acceptor::~Acceptor() { close(); }

void Acceptor::open() {
  if (fd_ < 0 || watched_) return;
  resume_.cancel();
  watched_ = shard_.poller().add(fd_, EPOLLIN, *this);
  if (!watched_) pause(errno);
}

void Acceptor::park() {
  resume_.cancel();
  if (std::exchange(watched_, false)) shard_.poller().remove(fd_, *this);
}

void Acceptor::close() {
  if (fd_ < 0) return;
  park();
  ::close(std::exchange(fd_, -1));
}

void Acceptor::on_events(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && accept_one(); ++i) {
  }
}

// False: nobody is waiting, or nobody can be accepted now.
bool Acceptor::accept_one() {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const int fd =
      ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    hand_over(fd, from);
    return true;
  }
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      pause(errno);
      return false;
    case EAGAIN:
      return false;
    default:
      return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;  // that client has gone
  }
}

void Acceptor::hand_over(int fd, const sockaddr_storage& from) {
  Endpoint peer = Endpoint::from(from);
  // Behind a proxy the client's own address comes later.
  if (!offer_.info->settings.proxy_protocol && shard_.bans_address(peer))
    return turn_away(fd, peer);
  if (const char* limit = admit(*offer_.info, shard_.now_ms())) {
    shard_.metrics().add(Metric::connections_refused);
    ::close(fd);
    KEEL_LOG(warning,
             "listener={} peer={}: refused, {} is reached; raise it or find out who connects",
             offer_.info->settings.name, peer.text(), limit);
    return;
  }
  shard_.metrics().add(Metric::connections_accepted);
  Incoming incoming;
  incoming.fd = fd;
  incoming.peer = peer;
  incoming.info = offer_.info;
  incoming.tls = offer_.tls;
  incoming.factory = offer_.factory;
  Shard& target = *targets_[next_++ % targets_.size()];
  if (&target == &shard_) {
    TcpLink::start(target, std::move(incoming));
  } else {
    target.post(
        [&target, in = std::move(incoming)]() mutable { TcpLink::start(target, std::move(in)); });
  }
}

void Acceptor::turn_away(int fd, const Endpoint& peer) {
  shard_.metrics().add(Metric::banned_refused);
  shard_.metrics().add(Metric::connections_refused);
  offer_.info->state->refused.fetch_add(1, std::memory_order_relaxed);
  ::close(fd);
  KEEL_LOG(info, "listener={} peer={}: refused, its address is banned", offer_.info->settings.name,
           peer.text());
}

// Without descriptors or memory the socket would stay ready for ever: looks away for a moment.
void Acceptor::pause(int error) {
  if (shard_.now_ms() >= quiet_until_ms_) {
    quiet_until_ms_ = shard_.now_ms() + kQuietMs;
    KEEL_LOG(
        error,
        "listener={}: cannot accept: {}; tried again every {} ms (the limit is LimitNOFILE= or "
        "ulimit -n)",
        offer_.info->settings.name, std::strerror(error), kPauseMs);
  }
  park();
  shard_.timers().arm(resume_, kPauseMs);
}

}  // namespace keel::kernel
