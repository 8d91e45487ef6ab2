#include "kernel/net/listener.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "kernel/base/log.hpp"
#include "kernel/net/listen_socket.hpp"
#include "kernel/net/listener_status.hpp"

namespace keel::kernel {
namespace {

constexpr std::chrono::seconds kShardTimeout{10};

ListenOptions listen_options(const ListenerSettings& settings) {
  return {.backlog = settings.backlog,
          .unix_mode = settings.unix_mode,
          .reuse_port = settings.reuse_port};
}

}  // namespace

Result<Listener::Options> Listener::plan(const ListenerSettings& settings,
                                         std::string_view default_address, const Limits& limits,
                                         std::shared_ptr<ListenerState> state) {
  Options options;
  options.settings = settings;
  auto address = parse_bind(settings.bind, default_address);
  if (!address) return Error{fmt::format("listener.{}.{}", settings.name, address.error())};
  options.address = std::move(*address);
  auto proxies = Cidr::parse_list(settings.proxy_from);
  if (!proxies)
    return Error{fmt::format("listener.{}.proxy_from: {}", settings.name, proxies.error())};
  auto info = std::make_shared<ListenerInfo>();
  info->settings = settings;
  info->loopback_only = options.address.loopback();
  info->handshake_timeout_ms = limits.handshake_timeout_ms;
  info->send_timeout_ms = limits.send_timeout_ms;
  info->proxy_from = std::move(*proxies);
  info->state = std::move(state);
  options.offer.info = std::move(info);
  return options;
}

Listener::Listener(ShardSet& shards, Options options)
    : shards_(shards), options_(std::move(options)), bound_(options_.address) {}

Listener::~Listener() { stop(); }

// One socket, on a shard the name chooses, whose connections go to all shards in turn; with
// reuse_port one socket per shard, and the system spreads the connections.
Result<void> Listener::open_sockets() {
  const bool each = options_.settings.reuse_port && options_.address.unix_path.empty();
  std::vector<Shard*> all;
  for (std::uint32_t i = 0; i < shards_.size(); ++i) all.push_back(&shards_.shard(i));
  const std::size_t first = std::hash<std::string>{}(options_.settings.name) % all.size();
  bound_ = options_.address;
  for (std::size_t i = 0; i < (each ? all.size() : 1); ++i) {
    auto fd = open_listen_socket(bound_, listen_options(options_.settings));
    if (!fd) return Error{fmt::format("listener.{}.bind: {}", options_.settings.name, fd.error())};
    bound_ = bound_address(*fd, bound_);
    Shard& home = *all[(first + i) % all.size()];
    fds_.push_back(*fd);
    acceptors_.push_back(std::make_shared<Acceptor>(
        home, *fd, each ? std::vector<Shard*>{&home} : all, options_.offer));
  }
  return {};
}

Result<void> Listener::start() {
  if (running()) return {};
  if (auto opened = open_sockets(); !opened) {
    acceptors_.clear();
    fds_.clear();
    bound_ = options_.address;
    return opened;
  }
  struct stat file {};
  if (!bound_.unix_path.empty() && ::stat(bound_.unix_path.c_str(), &file) == 0) {
    socket_file_[0] = file.st_dev;
    socket_file_[1] = file.st_ino;
  }
  if (!parked_) resume();
  KEEL_LOG(notice, "listener={}: listening on {}{}", options_.settings.name, bound_.text(),
           options_.offer.tls ? " (TLS)" : "");
  return {};
}

void Listener::resume() {
  parked_ = false;
  for (auto& acceptor : acceptors_) {
    acceptor->home().post([acceptor] { acceptor->open(); });
  }
}

void Listener::park() {
  parked_ = true;
  for (auto& acceptor : acceptors_) on_home(acceptor, [](Acceptor& a) { a.park(); });
}

void Listener::stop() {
  if (!running()) return;
  for (auto& acceptor : acceptors_) on_home(acceptor, [](Acceptor& a) { a.close(); });
  acceptors_.clear();
  fds_.clear();
  struct stat file {};
  if (!bound_.unix_path.empty() && ::stat(bound_.unix_path.c_str(), &file) == 0 &&
      socket_file_[0] == file.st_dev && socket_file_[1] == file.st_ino) {
    ::unlink(bound_.unix_path.c_str());
  }
  bound_ = options_.address;
  KEEL_LOG(notice, "listener={}: stopped", options_.settings.name);
}

void Listener::update(Options options) {
  options_ = std::move(options);
  for (const int fd : fds_) adjust_listen_socket(fd, bound_, listen_options(options_.settings));
  for (auto& acceptor : acceptors_) {
    on_home(acceptor, [offer = options_.offer](Acceptor& a) { a.set_offer(offer); });
  }
}

// Does something to an acceptor on its shard and waits for it; a shard that is stuck does it later.
void Listener::on_home(const std::shared_ptr<Acceptor>& acceptor,
                       std::function<void(Acceptor&)> what) {
  Shard& home = acceptor->home();
  const auto now = [&](Shard&) { what(*acceptor); };
  if (shards_.run_on(home.index(), now, kShardTimeout)) return;
  KEEL_LOG(error, "listener={}: shard {} does not answer; the change happens when it does",
           options_.settings.name, home.index());
  home.post([acceptor, what = std::move(what)] { what(*acceptor); });
}

ListenerStatus status_of(const Listener& listener) {
  const ListenerState& state = listener.state();
  ListenerStatus status;
  status.name = listener.settings().name;
  status.bound = listener.bound().text();
  status.running = listener.running();
  status.admits_anonymous = listener.options().offer.info->allow_anonymous();
  status.current = state.current;
  status.max = listener.settings().max_connections;
  status.accepted = state.accepted;
  status.refused = state.refused;
  for (std::size_t i = 0; i < kCloseCauses; ++i) {
    if (const std::uint64_t count = state.closed[i]) {
      status.shutdowns.emplace(close_cause_name(static_cast<CloseCause>(i)), count);
    }
  }
  return status;
}

bool Listener::same_socket(const Options& other) const {
  return other.address == options_.address &&
         other.settings.reuse_port == options_.settings.reuse_port;
}

}  // namespace keel::kernel
