#include "udp_peer.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace keel::test {
namespace {

void on_datagrams(void* ctx, keel_handle socket, const keel_datagram* datagrams, std::uint32_t n) {
  auto& plugin = *static_cast<UdpPlugin*>(ctx);
  ++plugin.batches;
  plugin.largest = std::max<std::uint32_t>(plugin.largest, n);
  for (std::uint32_t i = 0; i < n; ++i) {
    {
      const std::lock_guard lock(plugin.mutex);
      plugin.shards.push_back(HostThread::current()->index());
      plugin.peer = datagrams[i].peer;
      if (plugin.first.empty()) plugin.first = view(datagrams[i].bytes);
    }
    plugin.verified = datagrams[i].verified;
    if (plugin.echo) CHECK(plugin.send(datagrams[i].peer, view(datagrams[i].bytes)) == KEEL_OK);
    if (plugin.on_datagram) plugin.on_datagram(socket, datagrams[i]);
    ++plugin.datagrams;
  }
}

void on_session(void* ctx, keel_handle, const keel_addr*, const keel_verified* verified,
                std::int32_t opened) {
  auto& plugin = *static_cast<UdpPlugin*>(ctx);
  {
    const std::lock_guard lock(plugin.mutex);
    plugin.identity = view(verified->psk_identity);
  }
  ++(opened ? plugin.opened : plugin.closed);
}

}  // namespace

keel_status UdpPlugin::bind() {
  const keel_udp_callbacks callbacks{.size = sizeof(keel_udp_callbacks),
                                     .reserved = 0,
                                     .datagrams = on_datagrams,
                                     .session = on_session};
  return tables::udp.bind(slot.host(), &options, &callbacks, this, &socket);
}

keel_status UdpPlugin::bind(const std::string& address) {
  options.address = str(address);
  return bind();
}

std::uint16_t UdpPlugin::port() const {
  keel_addr addr{};
  REQUIRE(tables::udp.local(slot.host(), socket, &addr) == KEEL_OK);
  return addr.port;
}

keel_status UdpPlugin::send(const keel_addr& to, std::string_view bytes) const {
  const keel_str piece = str(bytes);
  return tables::udp.send(slot.host(), socket, &to, &piece, 1);
}

keel_udp_stats UdpPlugin::stats() const {
  keel_udp_stats out{};
  out.size = sizeof out;
  CHECK(tables::udp.stats(slot.host(), socket, &out) == KEEL_OK);
  return out;
}

UdpPeer::UdpPeer(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const timeval deadline{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
}

UdpPeer::~UdpPeer() { ::close(fd_); }

bool UdpPeer::send(std::string_view bytes) const {
  return ::send(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
}

std::string UdpPeer::receive() const {
  char buffer[65536];
  const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
  return n < 0 ? "(nothing)" : std::string(buffer, static_cast<std::size_t>(n));
}

bool UdpPeer::quiet() const {
  char byte;
  return ::recv(fd_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
}

std::uint16_t UdpPeer::port() const {
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
  return ntohs(own.sin_port);
}

unsigned DtlsPeer::on_psk(SSL* ssl, const char*, char* identity, unsigned max_identity,
                          unsigned char* key, unsigned max_key) {
  const auto& self = *static_cast<DtlsPeer*>(SSL_get_app_data(ssl));
  if (self.identity_.size() + 1 > max_identity || self.key_.size() > max_key) return 0;
  std::memcpy(identity, self.identity_.c_str(), self.identity_.size() + 1);
  std::memcpy(key, self.key_.data(), self.key_.size());
  return static_cast<unsigned>(self.key_.size());
}

DtlsPeer::DtlsPeer(std::uint16_t port, std::string identity, std::string key)
    : socket_(port),
      identity_(std::move(identity)),
      key_(std::move(key)),
      context_(SSL_CTX_new(DTLS_client_method())),
      ssl_(SSL_new(context_)) {
  SSL_set_app_data(ssl_, this);
  SSL_set_psk_client_callback(ssl_, on_psk);
  SSL_set_cipher_list(ssl_, "PSK");
  BIO* const bio = BIO_new_dgram(socket_.fd(), BIO_NOCLOSE);
  BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, [] {
    static sockaddr_storage unused{};
    unused.ss_family = AF_INET;
    return &unused;
  }());
  SSL_set_bio(ssl_, bio, bio);
}

DtlsPeer::~DtlsPeer() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

bool DtlsPeer::connect() { return SSL_connect(ssl_) == 1; }

bool DtlsPeer::send(std::string_view bytes) {
  return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string DtlsPeer::receive() {
  char buffer[16384];
  const int n = SSL_read(ssl_, buffer, sizeof buffer);
  return n <= 0 ? "(nothing)" : std::string(buffer, static_cast<std::size_t>(n));
}

void DtlsPeer::goodbye() { SSL_shutdown(ssl_); }

}  // namespace keel::test
