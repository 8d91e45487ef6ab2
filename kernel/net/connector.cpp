#include "kernel/net/connector.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/net/connect_socket.hpp"
#include "kernel/net/tls_session.hpp"
#include "kernel/net/worker_pool.hpp"

namespace keel::kernel {

// Lives as long as the connector or a task of it; steps after the connector went do nothing.
struct Connector::State final : Pollable, std::enable_shared_from_this<State> {
  State(Shard& home, Options wanted, HandlerFactory make, Done tell)
      : shard(home), options(std::move(wanted)), factory(std::move(make)), done(std::move(tell)) {}
  ~State() { drop_socket(); }

  void begin(WorkerPool& workers);
  void resolve(WorkerPool& workers);
  void resolved(Result<std::vector<Endpoint>> found);
  void try_next();
  void arm(std::int64_t attempts);
  void on_events(std::uint32_t events) override;
  void connected();
  void start_tls();
  void step_tls();
  void hand_over();
  void attempt_failed(std::string_view why);
  void on_timer();
  void fail(CloseCause cause, std::string_view why);
  void finish(Outcome outcome);
  void cancel();
  void watch(std::uint32_t events);
  void drop_socket();

  Shard& shard;
  Options options;
  HandlerFactory factory;
  Done done;
  std::vector<Endpoint> addresses;
  std::size_t next = 0;  // of addresses
  std::string failures;  // of the attempts so far
  int fd = -1;
  bool watched = false, over = false;
  std::unique_ptr<TlsSession> tls;  // while it shakes hands
  std::int64_t deadline_ms = 0;     // 0: none
  Timer timer{[](void* self) { static_cast<State*>(self)->on_timer(); }, this};
};

Connector::Connector(Shard& shard, WorkerPool& workers, Options options, HandlerFactory factory,
                     Done done)
    : state_(
          std::make_shared<State>(shard, std::move(options), std::move(factory), std::move(done))) {
  state_->begin(workers);
}

Connector::~Connector() { state_->cancel(); }

void Connector::State::begin(WorkerPool& workers) {
  if (options.timeout_ms > 0) deadline_ms = shard.now_ms() + options.timeout_ms;
  if (const auto numeric = Endpoint::parse(options.host)) {
    shard.post([self = shared_from_this(), address = *numeric] {
      self->resolved(std::vector<Endpoint>{address});
    });
  } else {
    resolve(workers);
  }
}

void Connector::State::resolve(WorkerPool& workers) {
  arm(1);
  // A job that the pool drops, or that throws, answers as well.
  struct Job {
    Job(Shard& home, std::shared_ptr<State> asking) : shard(home), state(std::move(asking)) {}
    Job(const Job&) = delete;
    ~Job() {
      if (!state) return;
      shard.post([state = std::move(state)] {
        state->resolved(Error{"cannot resolve: too much work is waiting, or it went wrong"});
      });
    }
    Shard& shard;
    std::shared_ptr<State> state;
  };
  auto job = std::make_shared<Job>(shard, shared_from_this());
  (void)workers.submit([job = std::move(job), resolver = options.resolver, host = options.host] {
    auto found = resolver(host);
    Shard& home = job->shard;
    home.post([state = std::move(job->state), found = std::move(found)]() mutable {
      state->resolved(std::move(found));
    });
  });
}

void Connector::State::resolved(Result<std::vector<Endpoint>> found) {
  if (over) return;
  if (!found) return fail(CloseCause::error, found.error());
  addresses = std::move(*found);
  for (Endpoint& address : addresses) address.port = options.port;
  try_next();
}

// The next address, with a fair share of the time that is left.
void Connector::State::try_next() {
  while (next < addresses.size()) {
    const Endpoint& address = addresses[next++];
    fd = open_connecting_socket(address);
    if (fd >= 0) {
      arm(static_cast<std::int64_t>(addresses.size() - next) + 1);
      return watch(EPOLLOUT);
    }
    attempt_failed(std::strerror(errno));
  }
  fail(CloseCause::error, addresses.empty() ? "the name has no address" : failures);
}

// Gives the step that begins now one part of the time that is left for `attempts`.
void Connector::State::arm(std::int64_t attempts) {
  if (deadline_ms == 0) return;
  const std::int64_t left = std::max<std::int64_t>(deadline_ms - shard.now_ms(), 0);
  shard.timers().arm(timer, left / attempts);
}

void Connector::State::on_timer() {
  const bool connecting = fd >= 0 && !tls;
  if (connecting && next < addresses.size()) {
    attempt_failed("timed out");
    return try_next();
  }
  if (connecting) {
    attempt_failed("timed out");
    return fail(CloseCause::error, failures);
  }
  if (tls) return fail(CloseCause::handshake, "TLS handshake: timed out");
  fail(CloseCause::error, "cannot resolve: timed out");
}

void Connector::State::on_events(std::uint32_t) {
  const std::shared_ptr<State> self = shared_from_this();
  if (tls) return step_tls();
  if (const int error = connect_result(fd)) {
    attempt_failed(std::strerror(error));
    return try_next();
  }
  connected();
}

void Connector::State::connected() {
  if (options.tls) return start_tls();
  hand_over();
}

void Connector::State::start_tls() {
  const std::string& name = options.server_name.empty() ? options.host : options.server_name;
  tls = TlsSession::create(options.tls, fd, name);
  if (!tls) {
    return fail(CloseCause::handshake,
                fmt::format("TLS: '{}' cannot be a server's name, or there is no memory", name));
  }
  arm(1);
  step_tls();
}

void Connector::State::step_tls() {
  tls->readable();
  switch (tls->handshake()) {
    case IoStatus::ok:
      return hand_over();
    case IoStatus::want_read:
      return watch(EPOLLIN);
    case IoStatus::want_write:
      return watch(EPOLLOUT);
    case IoStatus::end:
    case IoStatus::failed:
      return fail(CloseCause::handshake, fmt::format("TLS handshake: {}", tls->reason()));
  }
}

// The connection becomes a link.
void Connector::State::hand_over() {
  if (watched) shard.poller().remove(fd, *this);
  watched = false;
  timer.cancel();
  auto info = std::make_shared<ListenerInfo>();
  info->send_timeout_ms = options.send_timeout_ms;
  Incoming made;
  made.fd = std::exchange(fd, -1);
  made.peer = addresses[next - 1];
  made.info = std::move(info);
  made.factory = std::make_shared<const HandlerFactory>(std::move(factory));
  const std::shared_ptr<State> self = shared_from_this();
  Link* const link = TcpLink::start_made(shard, std::move(made), std::move(tls));
  if (over) return;  // cancelled by the handler
  if (!link) return fail(CloseCause::local, "nobody handles the connection");
  finish({.link = link, .cause = CloseCause::local, .error = {}});
}

void Connector::State::attempt_failed(std::string_view why) {
  drop_socket();
  if (addresses.size() == 1) {
    failures = why;
  } else {
    failures +=
        fmt::format("{}{}: {}", failures.empty() ? "" : "; ", addresses[next - 1].text(), why);
  }
}

void Connector::State::fail(CloseCause cause, std::string_view why) {
  if (over) return;
  finish({.link = nullptr,
          .cause = cause,
          .error = fmt::format("connect to {}:{}: {}", options.host, options.port, why)});
}

void Connector::State::finish(Outcome outcome) {
  const std::shared_ptr<State> self = shared_from_this();
  const Done tell = std::move(done);
  cancel();
  tell(std::move(outcome));
}

void Connector::State::cancel() {
  over = true;
  timer.cancel();
  drop_socket();
  tls.reset();
  factory = nullptr;
  done = nullptr;
}

void Connector::State::watch(std::uint32_t events) {
  if (watched) return shard.poller().modify(fd, events, *this);
  watched = shard.poller().add(fd, events, *this);
  if (!watched) fail(CloseCause::error, "the socket cannot be watched");
}

void Connector::State::drop_socket() {
  if (fd < 0) return;
  if (std::exchange(watched, false)) shard.poller().remove(fd, *this);
  ::close(std::exchange(fd, -1));
}

}  // namespace keel::kernel
