#include "udp_rig.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "kernel/net/udp_address.hpp"

namespace keel::test {

Endpoint at(std::string_view host, std::uint16_t port) {
  const auto endpoint = Endpoint::parse(host, port);
  REQUIRE(endpoint);
  return *endpoint;
}

BindAddress bind_to(std::string_view host, std::uint16_t port) { return {at(host, port), {}}; }

int opened(const BindAddress& address, const UdpOptions& options) {
  const auto fd = open_udp_socket(address, options);
  REQUIRE_MESSAGE(fd, (fd ? std::string() : fd.error()));
  return *fd;
}

Rig::Rig(std::uint32_t count) : shards({.shards = count}) { shards.start(); }

Rig::~Rig() { shards.stop(); }

void Rig::on(std::uint32_t shard, FunctionRef<void()> fn) {
  REQUIRE(shards.run_on(
      shard, [&fn](Shard&) { fn(); }, kPatience));
}

bool Rig::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    bool holds = false;
    on([&] { holds = condition(); });
    if (holds) return true;
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
}

Peer::Peer(const Endpoint& server, std::string_view from)
    : fd_(::socket(server.family == Endpoint::Family::ip6 ? AF_INET6 : AF_INET,
                   SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const bool ip6 = server.family == Endpoint::Family::ip6;
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const UdpAddress own = to_socket_address(at(ip6 ? "::1" : from, 0), ip6);
  REQUIRE(::bind(fd_, own.get(), own.size) == 0);
  const UdpAddress to = to_socket_address(server, ip6);
  // Connected: what comes from another address than the server's is not received.
  REQUIRE(::connect(fd_, to.get(), to.size) == 0);
}

Peer::~Peer() { ::close(fd_); }

Endpoint Peer::local() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  return from_socket_address(storage);
}

void Peer::send(std::string_view bytes) const {
  REQUIRE(::send(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

std::string Peer::receive() const {
  std::string got(70'000, '\0');
  const ssize_t size = ::recv(fd_, got.data(), got.size(), 0);
  if (size < 0) return "(nothing)";
  got.resize(static_cast<std::size_t>(size));
  return got;
}

bool Peer::silent() const {
  char byte;
  return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

}  // namespace keel::test
