#include "dtls_rig.hpp"

#include <doctest/doctest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <poll.h>

#include <cstring>

namespace keel::test {
namespace {

unsigned give_key(SSL* ssl, const char*, char* identity, unsigned max_identity, unsigned char* out,
                  unsigned max) {
  const auto& client = *static_cast<DtlsClient*>(SSL_get_app_data(ssl));
  if (client.identity.size() >= max_identity || client.key.size() > max) return 0;
  std::memcpy(identity, client.identity.c_str(), client.identity.size() + 1);
  std::memcpy(out, client.key.data(), client.key.size());
  return static_cast<unsigned>(client.key.size());
}

}  // namespace

struct ClientBio {
  static int read(BIO* bio, char* to, int size) {
    auto& client = *static_cast<DtlsClient*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    while (client.allowance_ != 0) {
      timeval left{.tv_sec = kPatience.count(), .tv_usec = 0};
      DTLSv1_get_timeout(client.ssl_, &left);
      const int patience = static_cast<int>(left.tv_sec * 1'000 + left.tv_usec / 1'000 + 1);
      pollfd fd{client.peer_.fd(), POLLIN, 0};
      if (::poll(&fd, 1, client.waiting_ ? patience : 0) <= 0) break;
      const ssize_t got =
          ::recv(client.peer_.fd(), to, static_cast<std::size_t>(size), MSG_DONTWAIT);
      if (got < 0) break;
      client.largest_received = std::max(client.largest_received, static_cast<std::size_t>(got));
      if (client.allowance_ > 0) --client.allowance_;
      if (client.lose_received > 0) {
        --client.lose_received;
        continue;
      }
      return static_cast<int>(got);
    }
    BIO_set_retry_read(bio);
    return -1;
  }

  static int write(BIO* bio, const char* from, int size) {
    auto& client = *static_cast<DtlsClient*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    client.sent.emplace_back(from, static_cast<std::size_t>(size));
    if (client.lose_sent > 0) {
      --client.lose_sent;
    } else {
      client.peer_.send(client.sent.back());
    }
    return size;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "test datagram");
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

ContextPtr dtls_client_context() {
  ContextPtr context(SSL_CTX_new(DTLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_QUERY_MTU);
  return context;
}

ContextPtr dtls_psk_context(const std::string& ciphers) {
  ContextPtr context = dtls_client_context();
  REQUIRE(SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) == 1);
  SSL_CTX_set_psk_client_callback(context.get(), give_key);
  return context;
}

DtlsClient::DtlsClient(const Endpoint& server, SSL_CTX* context, std::string identity_,
                       std::string key_)
    : identity(std::move(identity_)), key(std::move(key_)), peer_(server), context_(context) {
  attach();
}

DtlsClient::~DtlsClient() { SSL_free(ssl_); }

void DtlsClient::attach() {
  ssl_ = SSL_new(context_);
  BIO* bio = BIO_new(ClientBio::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  SSL_set_mtu(ssl_, 1'200);
  SSL_set_connect_state(ssl_);
}

void DtlsClient::reboot() {
  SSL_free(std::exchange(ssl_, nullptr));
  attach();
}

void DtlsClient::step(int receive) {
  allowance_ = receive;
  do {
    SSL_connect(ssl_);
  } while (allowance_ > 0);
  allowance_ = -1;
}

std::string DtlsClient::connect() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    ERR_clear_error();
    const int done = SSL_connect(ssl_);
    if (done == 1) return {};
    if (SSL_get_error(ssl_, done) != SSL_ERROR_WANT_READ) {
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      return reason ? reason : "failed";
    }
    DTLSv1_handle_timeout(ssl_);
  }
  return "(too late)";
}

bool DtlsClient::send(std::string_view text) {
  return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) ==
         static_cast<int>(text.size());
}

std::string DtlsClient::receive() {
  std::string got(20'000, '\0');
  ERR_clear_error();
  const int size = SSL_read(ssl_, got.data(), static_cast<int>(got.size()));
  if (size <= 0) {
    return SSL_get_error(ssl_, size) == SSL_ERROR_ZERO_RETURN ? "(closed)" : "(nothing)";
  }
  got.resize(static_cast<std::size_t>(size));
  return got;
}

void DtlsEcho::on_datagrams(std::span<const Datagram> batch) {
  datagrams += batch.size();
  largest_batch = std::max(largest_batch, batch.size());
  for (const Datagram& datagram : batch) {
    server->send(datagram.peer, datagram.bytes);
    if (then) then(datagram);
  }
}

void DtlsEcho::on_session_opened(const Endpoint&, const PeerInfo::Verified& verified) {
  events.add("opened " + verified.cn + "|" + verified.psk_identity);
}

void DtlsEcho::on_session_closed(const Endpoint&, const PeerInfo::Verified&,
                                 DtlsCloseReason reason) {
  events.add("closed " + std::string(dtls_close_reason_name(reason)));
}

std::shared_ptr<TlsContext> dtls_context(const TlsSettings& settings, TlsOptions options) {
  options.datagram = true;
  auto context = TlsContext::load("d", settings, std::move(options));
  REQUIRE_MESSAGE(context, (context ? std::string() : context.error()));
  return *context;
}

TlsSettings DtlsRig::psk_settings(const TempDir& dir) {
  // The keys' bytes are "0123456789abcdef" and "another key here".
  dir.write("psk",
            "device:30313233343536373839616263646566\nother:616e6f74686572206b65792068657265\n");
  TlsSettings settings;
  settings.pskfile = dir.file("psk");
  return settings;
}

DtlsRig::DtlsRig(DtlsServer::Options options) { start(psk_settings(dir), std::move(options), {}); }

DtlsRig::DtlsRig(const TlsSettings& settings, DtlsServer::Options options, TlsOptions tls) {
  start(settings, std::move(options), std::move(tls));
}

void DtlsRig::start(const TlsSettings& settings, DtlsServer::Options options, TlsOptions tls) {
  socket = std::make_unique<UdpSocket>(rig.shards.shard(0), opened(bind_to("127.0.0.1")), echo,
                                       UdpSocket::Options{.address = bind_to("127.0.0.1")});
  options.name = "test";
  server = std::make_unique<DtlsServer>(*socket, dtls_context(settings, std::move(tls)), echo,
                                        std::move(options));
  echo.server = server.get();
  rig.on([this] { REQUIRE(socket->open()); });
}

DtlsRig::~DtlsRig() {
  rig.on([this] {
    server.reset();
    socket.reset();
  });
}

std::size_t DtlsRig::sessions() {
  std::size_t n = 0;
  rig.on([&] { n = server->sessions(); });
  return n;
}

std::size_t DtlsRig::handshakes() {
  std::size_t n = 0;
  rig.on([&] { n = server->handshakes(); });
  return n;
}

void DtlsRig::inject(const Endpoint& from, std::string_view bytes) {
  rig.on([&] {
    const Datagram datagram{from, address(), bytes, nullptr};
    static_cast<DatagramHandler&>(*server).on_datagrams({&datagram, 1});
  });
}

}  // namespace keel::test
