// What a [tls.*] section describes, loaded: certificates, keys, trust and pre-shared keys, ready
// for new connections, accepted or made. Immutable once loaded; a reload makes another one,
// connections keep theirs. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/settings.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace keel::kernel {

enum class TlsRole : std::uint8_t {
  server,  // certfile and keyfile are needed, or pskfile; verify_peer is about clients
  client   // certfile is offered when the server asks; an empty cafile means the system's trust
};

// What is not a matter of settings.
struct TlsOptions {
  TlsRole role = TlsRole::server;
  // Servers: for DTLS 1.2, see DtlsServer; min_version, max_version and ciphersuites do not count.
  bool datagram = false;
  // Clients: the server's certificate is checked, its name included.
  bool check_server = true;
  // Clients: protocols offered, the most wanted first; each of 1 to 255 bytes.
  std::vector<std::string> alpn;
  // Servers: asked for the key of an identity that the file does not have; none: nobody is. On the
  // thread of the handshake, for as long as the context or a connection made with it lives.
  std::function<std::optional<std::string>(const std::string& identity)> psk_lookup;
};

class TlsContext {
 public:
  // Reads the files `settings` names. Errors name section, file, cause and remedy.
  static Result<std::shared_ptr<TlsContext>> load(const std::string& name,
                                                  const TlsSettings& settings,
                                                  TlsOptions options = {});
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  ssl_ctx_st* native() const { return context_; }
  TlsRole role() const { return options_.role; }
  bool datagram() const { return options_.datagram; }
  // The key of a pre-shared identity, from the file or by psk_lookup.
  std::optional<std::string> psk(const std::string& identity) const;
  // Clients: the one identity of the file, null when there is none.
  const std::pair<const std::string, std::string>* client_psk() const;
  // The TlsContext behind an OpenSSL context that load() made.
  static const TlsContext& of(const ssl_ctx_st* context);

  // The files a section names, for watching.
  static std::vector<std::string> files(const TlsSettings& settings);

 private:
  TlsContext(ssl_ctx_st* context, TlsOptions options);

  ssl_ctx_st* context_;
  TlsOptions options_;
  std::unordered_map<std::string, std::string> psk_keys_;
  friend class TlsLoader;
};

}  // namespace keel::kernel
