#include "kernel/net/dtls_association.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>

#include "kernel/net/dtls_server.hpp"
#include "kernel/net/tls_names.hpp"

namespace keel::kernel {

namespace {

bool is_alert(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
}

}  // namespace

// The BIO. A datagram is read once and whole; one that the socket does not take is a lost one,
// which the handshake copes with and write() reports.
struct DtlsBio {
  static DtlsAssociation& of(BIO* bio) { return *static_cast<DtlsAssociation*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int size) {
    DtlsAssociation& association = of(bio);
    BIO_clear_retry_flags(bio);
    const Bytes input = std::exchange(association.input_, {});
    if (input.empty() || input.size() > static_cast<std::size_t>(size)) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(to, input.data(), input.size());
    return static_cast<int>(input.size());
  }

  static int write(BIO* bio, const char* from, int size) {
    DtlsAssociation& association = of(bio);
    BIO_clear_retry_flags(bio);
    association.sent_ = association.server_.socket().send(
        association.peer, Bytes(from, static_cast<std::size_t>(size)), &association.local);
    return size;
  }

  static long control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT ? 1 : 0;
  }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "keel datagram");
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

DtlsAssociation::DtlsAssociation(DtlsServer& server, const Datagram& hello)
    : peer(hello.peer),
      local(hello.local),
      timer(
          [](void* self) {
            auto* association = static_cast<DtlsAssociation*>(self);
            association->server_.on_timer(*association);
          },
          this),
      server_(server),
      context_(server.context_),
      input_(hello.bytes) {}

std::unique_ptr<DtlsAssociation> DtlsAssociation::create(DtlsServer& server,
                                                         const Datagram& hello) {
  ERR_clear_error();
  std::unique_ptr<DtlsAssociation> made(new DtlsAssociation(server, hello));
  made->ssl_ = SSL_new(made->context_->native());
  BIO* bio = made->ssl_ ? BIO_new(DtlsBio::method()) : nullptr;
  if (!bio) return nullptr;
  BIO_set_data(bio, made.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(made->ssl_, bio, bio);
  SSL_set_mtu(made->ssl_, server.options_.mtu);
  SSL_set_accept_state(made->ssl_);
  return made;
}

DtlsAssociation::~DtlsAssociation() { SSL_free(ssl_); }

bool DtlsAssociation::listen() {
  ERR_clear_error();
  std::unique_ptr<BIO_ADDR, decltype(&BIO_ADDR_free)> unused(BIO_ADDR_new(), BIO_ADDR_free);
  const int heard = unused ? DTLSv1_listen(ssl_, unused.get()) : -1;
  if (heard != 1) reason_ = explain(ERR_peek_error());
  ERR_clear_error();
  return heard == 1;
}

// Reads the result of the OpenSSL call just made.
IoStatus DtlsAssociation::outcome(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE:
      return IoStatus::ok;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      ERR_clear_error();
      return IoStatus::want_read;
    case SSL_ERROR_ZERO_RETURN:
      reason_ = "closed by the client";
      return IoStatus::end;
    default:
      break;
  }
  const unsigned long code = ERR_peek_error();
  reason_ = explain(code);
  ERR_clear_error();
  return established && is_alert(code) ? IoStatus::end : IoStatus::failed;
}

std::string DtlsAssociation::explain(unsigned long code) const {
  const int reason = ERR_GET_REASON(code);
  if (is_alert(code)) {
    return fmt::format("the client gave up: {}",
                       SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
  }
  switch (reason) {
    case SSL_R_PSK_IDENTITY_NOT_FOUND: {
      const char* identity = SSL_get_psk_identity(ssl_);
      return fmt::format("unknown identity '{}'; add it to the PSK file", identity ? identity : "");
    }
    case SSL_R_NO_SHARED_CIPHER:
      return "no cipher in common; see `ciphers`, and whether a certificate or a PSK file is set";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "no client certificate, and the settings require one";
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return fmt::format("client certificate refused: {}",
                         X509_verify_cert_error_string(SSL_get_verify_result(ssl_)));
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return "the client has no DTLS 1.2, and older versions are not offered";
    default:
      break;
  }
  const char* text = code ? ERR_reason_error_string(code) : nullptr;
  return text ? text : "not understood";
}

IoStatus DtlsAssociation::handshake() {
  relaxed_ = false;
  ERR_clear_error();
  return outcome(SSL_do_handshake(ssl_));
}

IoResult DtlsAssociation::read(char* to, std::size_t size) {
  relaxed_ = false;
  ERR_clear_error();
  const int got = SSL_read(ssl_, to, static_cast<int>(size));
  if (got > 0) return {IoStatus::ok, static_cast<std::size_t>(got)};
  return {outcome(got), 0};
}

SendOutcome DtlsAssociation::write(Bytes bytes) {
  prime();
  sent_ = SendOutcome::failed;
  const int written = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  if (written <= 0) outcome(written);
  return written > 0 ? sent_ : SendOutcome::failed;
}

void DtlsAssociation::goodbye() {
  prime();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

// Not after the peer's goodbye or alert: prime() could not get them back, and the end is near.
void DtlsAssociation::relax() {
  if ((SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0) return;
  relaxed_ = SSL_free_buffers(ssl_) == 1;
}

// OpenSSL makes its buffers anew when it reads; when it writes DTLS it takes them for granted. So
// before writing it is made to read, from a datagram that is not there.
void DtlsAssociation::prime() {
  ERR_clear_error();
  if (!std::exchange(relaxed_, false)) return;
  char none;
  SSL_peek(ssl_, &none, sizeof none);
  ERR_clear_error();
}

std::optional<std::int64_t> DtlsAssociation::retransmit_in_ms() const {
  timeval left{};
  if (DTLSv1_get_timeout(ssl_, &left) != 1) return std::nullopt;
  return std::int64_t{left.tv_sec} * 1'000 + left.tv_usec / 1'000;
}

bool DtlsAssociation::retransmit() {
  prime();
  const bool alive = DTLSv1_handle_timeout(ssl_) >= 0;
  ERR_clear_error();
  return alive;
}

PeerInfo::Verified DtlsAssociation::prove() const {
  PeerInfo::Verified proved;
  proved.tls_version = SSL_get_version(ssl_);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_)) {
    proved.cipher = SSL_CIPHER_get_name(cipher);
  }
  if (const char* identity = SSL_get_psk_identity(ssl_)) proved.psk_identity = identity;
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate && SSL_get_verify_result(ssl_) == X509_V_OK) read_names(*certificate, proved);
  return proved;
}

// What does not decrypt is passed over in silence, as it must be, so that a wrong key shows as a
// handshake that lacks its last message.
std::string DtlsAssociation::silence() const {
  const char* identity = SSL_get_psk_identity(ssl_);
  if (identity && early_records != 0) {
    return fmt::format(
        "the client's last message does not decrypt: is the key of '{}' the same "
        "on both sides?",
        identity);
  }
  return "the client did not go on in time";
}

}  // namespace keel::kernel
