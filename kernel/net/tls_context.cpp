#include "kernel/net/tls_context.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "kernel/base/log.hpp"
#include "kernel/net/dtls_context.hpp"
#include "kernel/net/tls_psk.hpp"

namespace keel::kernel {
namespace {

// OpenSSL's own words for what just failed.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason ? reason : "unknown reason";
}

int give_password(char* buffer, int size, int, void* user) {
  const auto* password = static_cast<const std::string*>(user);
  if (password->size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password->data(), password->size());
  return static_cast<int>(password->size());
}

// MQTT's name is accepted where a client offers it; other offers are passed over.
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  static constexpr unsigned char kMqtt[] = {4, 'm', 'q', 't', 't'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kMqtt, sizeof kMqtt, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

// The steps of TlsContext::load(), each answering with an error or nothing.
class TlsLoader {
 public:
  TlsLoader(const std::string& name, const TlsSettings& settings, TlsContext& tls)
      : name_(name),
        settings_(settings),
        tls_(tls),
        context_(tls.context_),
        client_(tls.role() == TlsRole::client) {}

  Result<void> run() {
    using Step = Result<void> (TlsLoader::*)();
    for (const Step step :
         {&TlsLoader::options, &TlsLoader::versions, &TlsLoader::ciphers, &TlsLoader::certificate,
          &TlsLoader::key, client_ ? &TlsLoader::trust_in_servers : &TlsLoader::trust,
          &TlsLoader::revocation, &TlsLoader::psk}) {
      if (auto done = (this->*step)(); !done) return done;
    }
    return {};
  }

 private:
  Error error(std::string_view key, const std::string& text) const {
    ERR_clear_error();
    return Error{fmt::format("tls.{}.{}: {}", name_, key, text)};
  }

  // OpenSSL does not say why a file cannot be opened; this does.
  Result<void> readable(std::string_view key, const std::string& file) const {
    if (std::ifstream(file)) return {};
    return error(key,
                 fmt::format("cannot read '{}': {}; check path and permissions (tools/run makes a "
                             "self-signed pair in etc/certs)",
                             file, std::strerror(errno)));
  }

  Result<void> options() {
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (settings_.prefer_server_ciphers)
      SSL_CTX_set_options(context_, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);  // tickets need no memory here
    SSL_CTX_set_read_ahead(context_, 1);
    if (client_) return offer_protocols();
    static constexpr unsigned char kSessionContext[] = "keel";
    SSL_CTX_set_session_id_context(context_, kSessionContext, sizeof kSessionContext - 1);
    SSL_CTX_set_dh_auto(context_, 1);
    SSL_CTX_set_alpn_select_cb(context_, choose_alpn, nullptr);
    return {};
  }

  Result<void> offer_protocols() {
    std::string list;
    for (const std::string& protocol : tls_.options_.alpn) {
      if (protocol.empty() || protocol.size() > 255) {
        return error("alpn", fmt::format("'{}' is no protocol's name: 1 to 255 bytes", protocol));
      }
      list += static_cast<char>(protocol.size());
      list += protocol;
    }
    if (!list.empty() &&
        SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(list.data()),
                                static_cast<unsigned>(list.size())) != 0) {
      return error("alpn", openssl_reason());
    }
    return {};
  }

  Result<void> versions() {
    if (tls_.datagram()) return prepare_datagram_context(*context_);
    int bounds[2] = {};
    const std::pair<const char*, const std::string*> texts[2] = {
        {"min_version", &settings_.min_version}, {"max_version", &settings_.max_version}};
    for (std::size_t i = 0; i < 2; ++i) {
      if (*texts[i].second == "1.2") {
        bounds[i] = TLS1_2_VERSION;
      } else if (*texts[i].second == "1.3") {
        bounds[i] = TLS1_3_VERSION;
      } else {
        return error(texts[i].first, fmt::format("'{}' is not offered; write \"1.2\" or \"1.3\"",
                                                 *texts[i].second));
      }
    }
    if (bounds[0] > bounds[1]) return error("min_version", "is above max_version; lower it");
    SSL_CTX_set_min_proto_version(context_, bounds[0]);
    SSL_CTX_set_max_proto_version(context_, bounds[1]);
    return {};
  }

  Result<void> ciphers() {
    if (tls_.datagram() && settings_.ciphers.empty()) {
      SSL_CTX_set_cipher_list(context_, kDatagramCiphers);
    }
    if (!settings_.ciphers.empty() &&
        !SSL_CTX_set_cipher_list(context_, settings_.ciphers.c_str())) {
      return error("ciphers", fmt::format("no known cipher in '{}'; `openssl ciphers` lists them",
                                          settings_.ciphers));
    }
    if (!settings_.ciphersuites.empty() &&
        !SSL_CTX_set_ciphersuites(context_, settings_.ciphersuites.c_str())) {
      return error("ciphersuites",
                   fmt::format("'{}' is not a list of TLS 1.3 suites; `openssl ciphers -tls1_3 -s` "
                               "lists them",
                               settings_.ciphersuites));
    }
    return {};
  }

  Result<void> certificate() {
    const std::string& file = settings_.certfile;
    if (file.empty()) {
      const bool psk = !settings_.pskfile.empty() || tls_.options_.psk_lookup;
      if ((client_ || psk) && settings_.keyfile.empty()) return {};
      return error("certfile", "is missing; name the PEM file of the server's certificate chain");
    }
    if (auto found = readable("certfile", file); !found) return found;
    if (SSL_CTX_use_certificate_chain_file(context_, file.c_str()) != 1) {
      return error("certfile",
                   fmt::format("'{}' holds no usable PEM certificate: {}; it must begin with "
                               "the server's own, then the intermediate ones",
                               file, openssl_reason()));
    }
    const X509* certificate = SSL_CTX_get0_certificate(context_);
    if (certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
      KEEL_LOG(warning, "tls.{}.certfile: '{}' has expired; {} will refuse it", name_, file,
               client_ ? "servers" : "clients");
    }
    return {};
  }

  Result<void> key() {
    if (settings_.certfile.empty()) return {};
    const std::string& file = settings_.keyfile;
    if (file.empty()) return error("keyfile", "is missing; name the PEM file of the private key");
    if (auto found = readable("keyfile", file); !found) return found;
    SSL_CTX_set_default_passwd_cb(context_, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context_,
                                           const_cast<std::string*>(&settings_.key_password));
    const int loaded = SSL_CTX_use_PrivateKey_file(context_, file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_default_passwd_cb(context_, nullptr);
    SSL_CTX_set_default_passwd_cb_userdata(context_, nullptr);
    if (loaded == 1 && SSL_CTX_check_private_key(context_) == 1) return {};
    const unsigned long code = ERR_peek_error();
    if (loaded == 1 || ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH) {
      return error("keyfile", fmt::format("'{}' is not the key of certificate '{}'; name the pair",
                                          file, settings_.certfile));
    }
    return error("keyfile", fmt::format("'{}' holds no usable PEM key: {}; check the file and "
                                        "tls.{}.key_password",
                                        file, openssl_reason(), name_));
  }

  Result<void> trust() {
    if (!settings_.verify_peer && !settings_.require_peer) return {};
    const std::string& file = settings_.cafile;
    if (file.empty()) {
      return error("cafile", "is missing; name the PEM file of the authorities that sign clients");
    }
    if (auto found = readable("cafile", file); !found) return found;
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file.c_str());
    if (!names || SSL_CTX_load_verify_file(context_, file.c_str()) != 1) {
      if (names) sk_X509_NAME_pop_free(names, X509_NAME_free);
      return error("cafile",
                   fmt::format("'{}' holds no usable PEM certificate: {}", file, openssl_reason()));
    }
    SSL_CTX_set_client_CA_list(context_, names);
    SSL_CTX_set_verify(
        context_, SSL_VERIFY_PEER | (settings_.require_peer ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
    return {};
  }

  Result<void> trust_in_servers() {
    if (!tls_.options_.check_server) return {};
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    const std::string& file = settings_.cafile;
    if (file.empty()) {
      if (SSL_CTX_set_default_verify_paths(context_) == 1) return {};
      return error("cafile",
                   fmt::format("is not given and the system's authorities cannot be read: {}",
                               openssl_reason()));
    }
    if (auto found = readable("cafile", file); !found) return found;
    if (SSL_CTX_load_verify_file(context_, file.c_str()) == 1) return {};
    return error("cafile",
                 fmt::format("'{}' holds no usable PEM certificate: {}", file, openssl_reason()));
  }

  Result<void> revocation() {
    const std::string& file = settings_.crlfile;
    if (file.empty()) return {};
    if (auto found = readable("crlfile", file); !found) return found;
    X509_STORE* store = SSL_CTX_get_cert_store(context_);
    X509_LOOKUP* lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, file.c_str(), X509_FILETYPE_PEM) < 1) {
      return error("crlfile", fmt::format("'{}' holds no usable PEM revocation list: {}", file,
                                          openssl_reason()));
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return {};
  }

  Result<void> psk() {
    const std::string& file = settings_.pskfile;
    if (file.empty()) {
      if (tls_.options_.psk_lookup) install_psk(context_, settings_.psk_hint);
      return {};
    }
    if (auto found = readable("pskfile", file); !found) return found;
    std::ifstream in(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    auto keys = parse_psk_lines(text, name_, file);
    if (!keys) return Error{keys.error()};
    tls_.psk_keys_ = std::move(*keys);
    if (!client_) {
      install_psk(context_, settings_.psk_hint);
    } else if (tls_.psk_keys_.size() == 1) {
      install_client_psk(context_);
    } else {
      return error("pskfile", fmt::format("'{}' holds several keys and a client goes by one; name "
                                          "a file with that one",
                                          file));
    }
    return {};
  }

  const std::string& name_;
  const TlsSettings& settings_;
  TlsContext& tls_;
  SSL_CTX* context_;
  const bool client_;
};

TlsContext::TlsContext(ssl_ctx_st* context, TlsOptions options)
    : context_(context), options_(std::move(options)) {
  SSL_CTX_set_app_data(context_, this);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsContext>> TlsContext::load(const std::string& name,
                                                     const TlsSettings& settings,
                                                     TlsOptions options) {
  ERR_clear_error();
  const SSL_METHOD* const method = options.datagram                  ? DTLS_server_method()
                                   : options.role == TlsRole::client ? TLS_client_method()
                                                                     : TLS_server_method();
  SSL_CTX* context = SSL_CTX_new(method);
  if (!context) return Error{fmt::format("tls.{}: {}", name, openssl_reason())};
  std::shared_ptr<TlsContext> tls(new TlsContext(context, std::move(options)));
  if (auto loaded = TlsLoader(name, settings, *tls).run(); !loaded) return Error{loaded.error()};
  ERR_clear_error();
  return tls;
}

std::optional<std::string> TlsContext::psk(const std::string& identity) const {
  if (const auto found = psk_keys_.find(identity); found != psk_keys_.end()) return found->second;
  return options_.psk_lookup ? options_.psk_lookup(identity) : std::nullopt;
}

const std::pair<const std::string, std::string>* TlsContext::client_psk() const {
  return psk_keys_.empty() ? nullptr : &*psk_keys_.begin();
}

const TlsContext& TlsContext::of(const ssl_ctx_st* context) {
  return *static_cast<const TlsContext*>(SSL_CTX_get_app_data(context));
}

std::vector<std::string> TlsContext::files(const TlsSettings& settings) {
  std::vector<std::string> files = {settings.certfile, settings.keyfile, settings.cafile,
                                    settings.crlfile, settings.pskfile};
  std::erase(files, "");
  return files;
}

}  // namespace keel::kernel
