#include "kernel/net/tls_psk.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "kernel/net/tls_context.hpp"
#include "kernel/net/tls_session.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kMaxKey = 64;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Empty: not a key.
std::string parse_hex(std::string_view text) {
  std::string key;
  if (text.size() % 2 != 0 || text.size() / 2 > kMaxKey) return {};
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return {};
    key.push_back(static_cast<char>(high << 4 | low));
  }
  return key;
}

// DTLS 1.2 asks for the key of an identity.
unsigned datagram_key(SSL* ssl, const char* identity, unsigned char* out, unsigned max) {
  const auto key = TlsContext::of(SSL_get_SSL_CTX(ssl)).psk(identity);
  if (!key || key->empty() || key->size() > max) return 0;
  std::memcpy(out, key->data(), key->size());
  return static_cast<unsigned>(key->size());
}

// So does TLS 1.2.
unsigned server_key(SSL* ssl, const char* identity, unsigned char* out, unsigned max) {
  const unsigned size = datagram_key(ssl, identity, out, max);
  if (size != 0) TlsSession::of(ssl).note_psk_identity(identity);
  return size;
}

// TLS 1.3 asks for a session made of the key. An identity that is not ours is not an error: the
// client may have a certificate to go by.
int find_session(SSL* ssl, const unsigned char* bytes, std::size_t size, SSL_SESSION** out) {
  static constexpr unsigned char kAes128GcmSha256[] = {0x13, 0x01};
  *out = nullptr;
  const std::string identity(reinterpret_cast<const char*>(bytes), size);
  const auto key = TlsContext::of(SSL_get_SSL_CTX(ssl)).psk(identity);
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, kAes128GcmSha256);
  if (!key || key->empty() || key->size() > kMaxKey || !cipher) return 1;
  SSL_SESSION* session = SSL_SESSION_new();
  if (!session) return 0;
  if (!SSL_SESSION_set1_master_key(session, reinterpret_cast<const unsigned char*>(key->data()),
                                   key->size()) ||
      !SSL_SESSION_set_cipher(session, cipher) ||
      !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION)) {
    SSL_SESSION_free(session);
    return 0;
  }
  TlsSession::of(ssl).note_psk_identity(identity);
  *out = session;
  return 1;
}

// A client is asked who it is and for its key; OpenSSL does so for TLS 1.3 as well.
unsigned client_key(SSL* ssl, const char*, char* identity, unsigned max_identity,
                    unsigned char* out, unsigned max) {
  const auto* psk = TlsContext::of(SSL_get_SSL_CTX(ssl)).client_psk();
  if (!psk || psk->first.size() >= max_identity || psk->second.size() > max) return 0;
  std::memcpy(identity, psk->first.c_str(), psk->first.size() + 1);
  std::memcpy(out, psk->second.data(), psk->second.size());
  return static_cast<unsigned>(psk->second.size());
}

std::string_view trim(std::string_view line) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

Result<std::unordered_map<std::string, std::string>> parse_psk_lines(std::string_view text,
                                                                     const std::string& name,
                                                                     const std::string& file) {
  std::unordered_map<std::string, std::string> keys;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    const std::size_t colon = line.rfind(':');
    const std::string identity(line.substr(0, colon == std::string_view::npos ? 0 : colon));
    const std::string key = identity.empty() ? "" : parse_hex(line.substr(colon + 1));
    if (key.empty() || identity.size() > PSK_MAX_IDENTITY_LEN) {
      return Error{
          fmt::format("tls.{}.pskfile: {}:{}: not of the form identity:hexkey (a key has up to "
                      "{} bytes, an identity up to {})",
                      name, file, number, kMaxKey, PSK_MAX_IDENTITY_LEN)};
    }
    keys[identity] = key;
  }
  if (keys.empty()) {
    return Error{
        fmt::format("tls.{}.pskfile: '{}' holds no key; add lines identity:hexkey", name, file)};
  }
  return keys;
}

void install_client_psk(ssl_ctx_st* context) {
  SSL_CTX_set_psk_client_callback(context, client_key);
}

void install_psk(ssl_ctx_st* context, const std::string& hint) {
  const bool datagram = TlsContext::of(context).datagram();
  SSL_CTX_set_psk_server_callback(context, datagram ? datagram_key : server_key);
  SSL_CTX_set_psk_find_session_callback(context, find_session);
  if (!hint.empty()) SSL_CTX_use_psk_identity_hint(context, hint.c_str());
  // A resumed session would not say which key it began with.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
}

}  // namespace keel::kernel
