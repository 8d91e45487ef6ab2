// What a [tls.*] section describes, loaded: certificates, keys, trust and pre-shared keys, ready
// for new connections. Immutable once loaded; a reload makes another one, connections keep theirs.
// Any thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/base/result.hpp"
#include "kernel/base/settings.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace keel::kernel {

class TlsContext {
 public:
  // Reads the files `settings` names. Errors name section, file, cause and remedy.
  static Result<std::shared_ptr<TlsContext>> load(const std::string& name,
                                                  const TlsSettings& settings);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  ssl_ctx_st* native() const { return context_; }
  // The key of a pre-shared identity; null when there is none.
  const std::string* psk(const std::string& identity) const;
  // The TlsContext behind an OpenSSL context that load() made.
  static const TlsContext& of(const ssl_ctx_st* context);

  // The files a section names, for watching.
  static std::vector<std::string> files(const TlsSettings& settings);

 private:
  explicit TlsContext(ssl_ctx_st* context);

  ssl_ctx_st* context_;
  std::unordered_map<std::string, std::string> psk_keys_;
  friend class TlsLoader;
};

}  // namespace keel::kernel
