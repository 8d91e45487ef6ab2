#include "tests/system/support/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <random>

#include "tests/system/support/packet.hpp"

namespace keel::test {

struct Socket::Impl {
  int fd = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  std::string psk_identity, psk_key;

  ~Impl() {
    if (ssl != nullptr) SSL_free(ssl);
    if (context != nullptr) SSL_CTX_free(context);
    if (fd >= 0) ::close(fd);
  }

  bool wait(short events, const Deadline& deadline) const {
    pollfd entry{fd, events, 0};
    int ready = 0;
    do {
      ready = ::poll(&entry, 1, deadline.left_ms());
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
  }

  void open(const Endpoint& endpoint);
  void start_tls(const TlsOptions& options);
  // What SSL waits for; false: it is broken.
  bool wait_for_ssl(int result, const Deadline& deadline) const {
    switch (SSL_get_error(ssl, result)) {
      case SSL_ERROR_WANT_READ:
        return wait(POLLIN, deadline);
      case SSL_ERROR_WANT_WRITE:
        return wait(POLLOUT, deadline);
      default:
        return false;
    }
  }
};

namespace {

std::string tls_error(const char* what) {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  if (code == 0) return std::string{what} + ": connection closed";
  ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  return std::string{what} + ": " + text.data();
}

unsigned psk_callback(SSL* ssl, const char*, char* identity, unsigned identity_size,
                      unsigned char* key, unsigned key_size) {
  const auto* impl = static_cast<const std::array<std::string, 2>*>(SSL_get_app_data(ssl));
  const auto& [name, secret] = *impl;
  if (name.size() + 1 > identity_size || secret.size() > key_size) return 0;
  std::memcpy(identity, name.c_str(), name.size() + 1);
  std::memcpy(key, secret.data(), secret.size());
  return static_cast<unsigned>(secret.size());
}

int version_number(const std::string& version) {
  if (version == "1.2") return TLS1_2_VERSION;
  if (version == "1.3") return TLS1_3_VERSION;
  return 0;
}

}  // namespace

void Socket::Impl::open(const Endpoint& endpoint) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (!endpoint.unix_path.empty()) {
    auto* address = reinterpret_cast<sockaddr_un*>(&storage);
    address->sun_family = AF_UNIX;
    std::strncpy(address->sun_path, endpoint.unix_path.c_str(), sizeof address->sun_path - 1);
    size = sizeof *address;
  } else if (endpoint.host.find(':') != std::string::npos) {
    auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(endpoint.port);
    inet_pton(AF_INET6, endpoint.host.c_str(), &address->sin6_addr);
    size = sizeof *address;
  } else {
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(endpoint.port);
    inet_pton(AF_INET, endpoint.host.c_str(), &address->sin_addr);
    size = sizeof *address;
  }
  fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (endpoint.receive_buffer > 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &endpoint.receive_buffer, sizeof(int));
  }
  if (::connect(fd, reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    throw ConnectFailure(std::string{"connect: "} + std::strerror(errno));
  }
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Socket::Impl::start_tls(const TlsOptions& options) {
  context = SSL_CTX_new(TLS_client_method());
  if (const int version = version_number(options.version)) {
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
  }
  if (!options.cafile.empty()) {
    SSL_CTX_load_verify_locations(context, options.cafile.c_str(), nullptr);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  if (!options.certfile.empty() &&
      (SSL_CTX_use_certificate_chain_file(context, options.certfile.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context, options.keyfile.c_str(), SSL_FILETYPE_PEM) != 1)) {
    throw ConnectFailure(tls_error("client certificate"));
  }
  std::array<std::string, 2> psk{options.psk_identity, from_hex(options.psk_hex)};
  if (!options.psk_identity.empty()) {
    SSL_CTX_set_psk_client_callback(context, psk_callback);
    SSL_CTX_set_cipher_list(context, "PSK");
  }
  ssl = SSL_new(context);
  SSL_set_app_data(ssl, &psk);
  SSL_set_fd(ssl, fd);
  const Deadline deadline;
  for (;;) {
    const int result = SSL_connect(ssl);
    if (result == 1) break;
    if (!wait_for_ssl(result, deadline)) throw ConnectFailure(tls_error("TLS handshake"));
  }
  SSL_set_app_data(ssl, nullptr);
}

Socket::Socket(const Endpoint& endpoint) : impl_{std::make_unique<Impl>()} {
  ::signal(SIGPIPE, SIG_IGN);  // SSL_write has no MSG_NOSIGNAL
  impl_->open(endpoint);
  if (!endpoint.preamble.empty()) send(endpoint.preamble);
  if (endpoint.tls) impl_->start_tls(*endpoint.tls);
}

Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

bool Socket::send(std::string_view bytes, const Deadline& deadline) {
  if (!impl_ || impl_->fd < 0) return false;
  while (!bytes.empty()) {
    if (impl_->ssl != nullptr) {
      const int sent = SSL_write(impl_->ssl, bytes.data(), static_cast<int>(bytes.size()));
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (!impl_->wait_for_ssl(sent, deadline)) {
        return false;
      }
      continue;
    }
    const ssize_t sent = ::send(impl_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !impl_->wait(POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

Socket::Read Socket::receive(std::string& into, const Deadline& deadline) {
  if (!impl_ || impl_->fd < 0) return Read::closed;
  std::array<char, 65536> chunk;
  for (;;) {
    ssize_t got = 0;
    if (impl_->ssl != nullptr) {
      ERR_clear_error();
      const int result = SSL_read(impl_->ssl, chunk.data(), static_cast<int>(chunk.size()));
      got = result;
      if (result <= 0) {
        const int error = SSL_get_error(impl_->ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return Read::closed;
        if (!impl_->wait(POLLIN, deadline)) return Read::timeout;
        continue;
      }
    } else {
      got = ::recv(impl_->fd, chunk.data(), chunk.size(), 0);
      if (got < 0 && errno == EAGAIN) {
        if (!impl_->wait(POLLIN, deadline)) return Read::timeout;
        continue;
      }
      if (got <= 0) return Read::closed;
    }
    into.append(chunk.data(), static_cast<std::size_t>(got));
    return Read::data;
  }
}

void Socket::close() {
  if (impl_ && impl_->ssl != nullptr) SSL_shutdown(impl_->ssl);
  impl_.reset();
}

void Socket::reset() {
  if (!impl_) return;
  const linger hard{1, 0};
  setsockopt(impl_->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  impl_.reset();
}

std::string Socket::tls_version() const {
  return impl_ && impl_->ssl != nullptr ? SSL_get_version(impl_->ssl) : "";
}

std::string Socket::peer_certificate_serial() const {
  if (!impl_ || impl_->ssl == nullptr) return {};
  X509* certificate = SSL_get1_peer_certificate(impl_->ssl);
  if (certificate == nullptr) return {};
  const long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
  X509_free(certificate);
  return std::to_string(serial);
}

std::uint16_t free_port() {
  constexpr std::uint32_t kFirst = 10'000, kCount = 22'000;
  std::random_device random;
  for (int tries = 0; tries < 100; ++tries) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(kFirst + random() % kCount));
    const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    if (bound) return ntohs(address.sin_port);
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

}  // namespace keel::test
