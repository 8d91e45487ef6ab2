#include "kernel/net/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <cstring>

#include "kernel/net/tls_names.hpp"

namespace keel::kernel {

// The BIO: the session's own socket calls. A receive that did not fill its buffer has emptied the
// socket, so the next one need not be tried before the socket is readable again.
struct TlsBio {
  static int read(BIO* bio, char* to, int size) {
    auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (session.drained_) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const ssize_t got = ::recv(session.fd_, to, static_cast<std::size_t>(size), 0);
    if (got > 0) {
      session.drained_ = got < size;
    } else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      BIO_set_retry_read(bio);
    }
    return static_cast<int>(got);
  }

  static int write(BIO* bio, const char* from, int size) {
    const auto& session = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const ssize_t sent = ::send(session.fd_, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "keel socket");
      BIO_meth_set_read(m, read);
      BIO_meth_set_write(m, write);
      BIO_meth_set_ctrl(m, control);
      return m;
    }();
    return made;
  }
};

std::unique_ptr<TlsSession> TlsSession::create(std::shared_ptr<TlsContext> context, int fd) {
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context), fd));
  session->ssl_ = SSL_new(session->context_->native());
  BIO* bio = session->ssl_ ? BIO_new(TlsBio::method()) : nullptr;
  if (!bio) return nullptr;
  BIO_set_data(bio, session.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(session->ssl_, bio, bio);
  SSL_set_app_data(session->ssl_, session.get());
  SSL_set_accept_state(session->ssl_);
  return session;
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsSession& TlsSession::of(const ssl_st* ssl) {
  return *static_cast<TlsSession*>(SSL_get_app_data(ssl));
}

// Reads the result of the OpenSSL call just made.
IoStatus TlsSession::outcome(int result) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE:
      return IoStatus::ok;
    case SSL_ERROR_WANT_READ:
      return IoStatus::want_read;
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::want_write;
    case SSL_ERROR_ZERO_RETURN:
      reason_ = "closed by the client";
      return IoStatus::end;
    case SSL_ERROR_SYSCALL:
      reason_ = result < 0 && system_error ? std::strerror(system_error) : "closed by the client";
      ERR_clear_error();
      return IoStatus::failed;
    default:
      break;
  }
  const unsigned long code = ERR_peek_error();
  const char* text = code ? ERR_reason_error_string(code) : nullptr;
  reason_ = text ? text : "TLS error";
  const bool cut_off = ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (cut_off) reason_ = "closed by the client";
  if (const long verify = SSL_get_verify_result(ssl_);
      verify != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    reason_ += std::string(": ") + X509_verify_cert_error_string(verify);
  }
  ERR_clear_error();
  return cut_off && SSL_is_init_finished(ssl_) ? IoStatus::end : IoStatus::failed;
}

IoStatus TlsSession::handshake() {
  ERR_clear_error();
  errno = 0;
  return outcome(SSL_do_handshake(ssl_));
}

IoResult TlsSession::read(char* to, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  const int got = SSL_read(ssl_, to, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  if (got > 0) return {IoStatus::ok, static_cast<std::size_t>(got)};
  return {outcome(got), 0};
}

IoResult TlsSession::write(const char* from, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  const int sent = SSL_write(ssl_, from, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  if (sent > 0) return {IoStatus::ok, static_cast<std::size_t>(sent)};
  return {outcome(sent), 0};
}

void TlsSession::shutdown() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

bool TlsSession::has_pending() const { return SSL_has_pending(ssl_) == 1; }

std::unique_ptr<PeerInfo::Verified> TlsSession::verified() const {
  auto verified = std::make_unique<PeerInfo::Verified>();
  verified->tls_version = SSL_get_version(ssl_);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_)) {
    verified->cipher = SSL_CIPHER_get_name(cipher);
  }
  // A key that was found and not used (the client went by its certificate) proves nothing.
  if (SSL_version(ssl_) != TLS1_3_VERSION) {
    if (const char* identity = SSL_get_psk_identity(ssl_)) verified->psk_identity = identity;
  } else if (SSL_session_reused(ssl_)) {
    verified->psk_identity = psk_identity_;
  }
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate && SSL_get_verify_result(ssl_) == X509_V_OK) {
    read_names(*certificate, *verified);
  }
  return verified;
}

}  // namespace keel::kernel
