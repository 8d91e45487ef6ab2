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

namespace {

// Remembers for whom a certificate is that is not for the server asked for: OpenSSL forgets it.
int watch_verification(int ok, X509_STORE_CTX* store) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const int error = X509_STORE_CTX_get_error(store);
  if (!ok && (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)) {
    if (const X509* certificate = X509_STORE_CTX_get_current_cert(store))
      TlsSession::of(ssl).note_server_names(*certificate);
  }
  return ok;
}

}  // namespace

std::unique_ptr<TlsSession> TlsSession::create(std::shared_ptr<TlsContext> context, int fd,
                                               const std::string& server_name) {
  std::unique_ptr<TlsSession> session(new TlsSession(std::move(context), fd));
  session->ssl_ = SSL_new(session->context_->native());
  BIO* bio = session->ssl_ ? BIO_new(TlsBio::method()) : nullptr;
  if (!bio) return nullptr;
  BIO_set_data(bio, session.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(session->ssl_, bio, bio);
  SSL_set_app_data(session->ssl_, session.get());
  if (session->context_->role() == TlsRole::server) {
    SSL_set_accept_state(session->ssl_);
  } else if (!session->begin_client(server_name)) {
    ERR_clear_error();
    return nullptr;
  }
  return session;
}

// Says whom we want to talk to, and lets only that one's certificate pass. An address is no name
// and is not sent.
bool TlsSession::begin_client(const std::string& server_name) {
  SSL_set_connect_state(ssl_);
  if (server_name.empty()) return SSL_get_verify_mode(ssl_) == SSL_VERIFY_NONE;
  const bool address = Endpoint::parse(server_name).has_value();
  if (!address && SSL_set_tlsext_host_name(ssl_, server_name.c_str()) != 1) return false;
  if (SSL_get_verify_mode(ssl_) == SSL_VERIFY_NONE) return true;
  SSL_set_verify(ssl_, SSL_VERIFY_PEER, watch_verification);
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl_);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return (address ? X509_VERIFY_PARAM_set1_ip_asc(wanted, server_name.c_str())
                  : X509_VERIFY_PARAM_set1_host(wanted, server_name.c_str(), 0)) == 1;
}

void TlsSession::note_server_names(const x509_st& certificate) {
  server_names_ = printable_names(certificate);
}

const char* TlsSession::closed_by_peer() const {
  return context_->role() == TlsRole::client ? "closed by the server" : "closed by the client";
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
      reason_ = closed_by_peer();
      return IoStatus::end;
    case SSL_ERROR_SYSCALL:
      reason_ = result < 0 && system_error ? std::strerror(system_error) : closed_by_peer();
      ERR_clear_error();
      return IoStatus::failed;
    default:
      break;
  }
  const unsigned long code = ERR_peek_error();
  const char* text = code ? ERR_reason_error_string(code) : nullptr;
  reason_ = text ? text : "TLS error";
  const bool cut_off = ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (cut_off) reason_ = closed_by_peer();
  if (const long verify = SSL_get_verify_result(ssl_);
      verify != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    reason_ = server_names_.empty() ? reason_ + ": " + X509_verify_cert_error_string(verify)
                                    : "certificate is for " + server_names_;
  }
  if (context_->role() == TlsRole::client && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER &&
      !SSL_is_init_finished(ssl_)) {
    reason_ += "; does the server speak TLS on this port?";
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
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  if (size != 0) verified->alpn.assign(reinterpret_cast<const char*>(protocol), size);
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate && SSL_get_verify_result(ssl_) == X509_V_OK) {
    read_names(*certificate, *verified);
  }
  return verified;
}

}  // namespace keel::kernel
