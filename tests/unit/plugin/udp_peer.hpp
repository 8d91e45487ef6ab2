// A plugin with a UDP bind, and the clients on the other side.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "net_host.hpp"

namespace keel::test {

struct UdpPlugin {
  explicit UdpPlugin(Slot& in) : slot(in) {
    options.size = sizeof options;
    options.address = str("127.0.0.1:0");
  }
  UdpPlugin(const UdpPlugin&) = delete;
  keel_status bind();
  keel_status bind(const std::string& address);
  std::uint16_t port() const;
  keel_status send(const keel_addr& peer, std::string_view bytes) const;
  keel_udp_stats stats() const;

  Slot& slot;
  keel_udp_options options{};
  keel_handle socket = 0;
  std::atomic<int> batches{0}, datagrams{0}, opened{0}, closed{0};
  std::atomic<std::uint32_t> largest{0};  // batch
  std::atomic<bool> echo{true};
  std::atomic<const keel_verified*> verified{nullptr};
  std::function<void(keel_handle, const keel_datagram&)> on_datagram;
  std::mutex mutex;
  std::vector<std::uint32_t> shards;  // under the mutex, as the rest
  std::string identity, first;
  keel_addr peer{};
};

// A blocking UDP socket, connected; every call has a deadline.
class UdpPeer {
 public:
  explicit UdpPeer(std::uint16_t port);
  ~UdpPeer();
  UdpPeer(const UdpPeer&) = delete;
  bool send(std::string_view bytes) const;
  std::string receive() const;  // "(nothing)" after a long time
  bool quiet() const;           // nothing has come
  std::uint16_t port() const;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// A DTLS client with a pre-shared key.
class DtlsPeer {
 public:
  DtlsPeer(std::uint16_t port, std::string identity, std::string key);
  ~DtlsPeer();
  DtlsPeer(const DtlsPeer&) = delete;
  bool connect();
  bool send(std::string_view bytes);
  std::string receive();
  void goodbye();

 private:
  static unsigned on_psk(SSL* ssl, const char* hint, char* identity, unsigned max_identity,
                         unsigned char* key, unsigned max_key);
  UdpPeer socket_;
  std::string identity_, key_;
  SSL_CTX* context_;
  SSL* ssl_;
};

}  // namespace keel::test
