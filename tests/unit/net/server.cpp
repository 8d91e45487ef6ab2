#include "server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

namespace keel::test {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::size_t kHighWater = 256 * 1024;

class EchoHandler final : public LinkHandler {
 public:
  EchoHandler(Server& server, Link& link) : server_(server), link_(link) {}

  std::size_t on_data(std::string_view data) override {
    std::size_t taken = 0;
    while (!done_ && data.size() - taken >= kHeader) {
      if (link_.out.size() > kHighWater) {
        link_.pause_reading();
        link_.notify_when_drained();
        break;
      }
      const std::string_view rest = data.substr(taken);
      const std::size_t size = std::strtoul(std::string(rest.substr(0, 4)).c_str(), nullptr, 10);
      if (rest[4] != ':') {
        link_.close();
        return data.size();
      }
      if (rest.size() < kHeader + size) break;
      taken += kHeader + size;
      obey(rest.substr(kHeader, size));
    }
    return taken;
  }

  void on_drained() override {
    server_.events.add("drained");
    link_.resume_reading();
  }

  void on_closed(CloseCause cause, std::string_view detail) override {
    server_.events.add(fmt::format("closed {}: {}", close_cause_name(cause), detail));
  }

 private:
  void answer(std::string_view body) {
    link_.out.append(frame(body));
    link_.touch();
  }

  void obey(std::string_view body) {
    if (body == "#move") {
      const std::uint32_t next = (link_.shard().index() + 1) % server_.shards.size();
      done_ = true;
      link_.move_to(server_.shards.shard(next), [this] {
        done_ = false;
        answer("moved");
      });
    } else if (body == "#close") {
      answer("bye");
      link_.close();
      done_ = true;
    } else if (body == "#abort") {
      link_.abort();
      done_ = true;
    } else if (body == "#who") {
      answer(who());
    } else if (body == "#shard") {
      answer(std::to_string(link_.shard().index()));
    } else if (body == "#flood") {
      link_.out.append(std::string(8'000'000, 'f'));
      link_.touch();
    } else {
      answer(body);
    }
  }

  std::string who() const {
    const PeerInfo& peer = link_.peer();
    std::string text = peer.address() + " " + peer.listener->settings.name;
    if (const auto& v = peer.verified) {
      text += fmt::format(" {} cn={} san={} dn={} psk={}", v->tls_version, v->cn, v->san, v->dn,
                          v->psk_identity);
    }
    return text;
  }

  Server& server_;
  Link& link_;
  bool done_ = false;
};

}  // namespace

std::string frame(std::string_view body) { return fmt::format("{:04}:{}", body.size(), body); }

void Events::add(std::string event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  changed_.notify_all();
}

std::string Events::next() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [this] { return !events_.empty(); })) return "(nothing)";
  std::string event = std::move(events_.front());
  events_.pop_front();
  return event;
}

bool Events::wait_for(std::string_view event) {
  for (;;) {
    const std::string got = next();
    if (got == event) return true;
    if (got == "(nothing)") return false;
  }
}

Server::Server(std::uint32_t shard_count)
    : shards({.shards = shard_count}),
      listeners(shards, [this](Link& link) { return std::make_unique<EchoHandler>(*this, link); }) {
  settings.limits.connect_rate = 0;
  shards.start();
}

Server::~Server() {
  listeners.stop_all();
  shards.stop();
}

ListenerSettings& Server::listener(const std::string& name, const std::string& bind) {
  ListenerSettings& added = settings.listeners.emplace_back();
  added.name = name;
  added.bind = bind;
  return added;
}

void Server::start() {
  const auto applied = apply();
  REQUIRE_MESSAGE(applied, (applied ? std::string() : applied.error()));
}

std::uint16_t Server::port(const std::string& name) {
  const auto bound = listeners.bound(name);
  REQUIRE(bound);
  return bound->endpoint.port;
}

bool Server::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    if (!shards.barrier([](Shard&) {}, kPatience)) return false;
  }
  return true;
}

std::uint64_t Server::metric(Metric metric) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < shards.size(); ++i) sum += shards.shard(i).metrics().get(metric);
  return sum;
}

ListenerStatus Server::status(const std::string& name) {
  for (ListenerStatus& status : listeners.list()) {
    if (status.name == name) return std::move(status);
  }
  return {};
}

Client Client::tcp(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Client client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  ::setsockopt(client.fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(client.fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(client.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    client.close();
  return client;
}

Client Client::unix_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  Client client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(client.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    client.close();
  return client;
}

Client::Client(Client&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ssl_(std::exchange(other.ssl_, nullptr)) {}

Client::~Client() { close(); }

void Client::close() {
  SSL_free(std::exchange(ssl_, nullptr));
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Client::reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                              : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string Client::receive(std::size_t size) {
  std::string got(size, '\0');
  std::size_t at = 0;
  while (at < size) {
    const ssize_t n = ssl_ ? SSL_read(ssl_, got.data() + at, static_cast<int>(size - at))
                           : ::recv(fd_, got.data() + at, size - at, 0);
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  got.resize(at);
  return got;
}

std::string Client::ask(std::string_view body) {
  if (!send(frame(body))) return "(not sent)";
  const std::string header = receive(kHeader);
  if (header.size() < kHeader) return "(closed)";
  return receive(std::strtoul(header.c_str(), nullptr, 10));
}

std::string Client::start_tls(SSL_CTX* context) {
  ERR_clear_error();
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, fd_);
  if (SSL_connect(ssl_) == 1) return {};
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return reason ? reason : "the connection was closed";
}

}  // namespace keel::test
