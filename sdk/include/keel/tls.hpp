// TLS and DTLS ends: how they are set up, and what a handshake proved.
#pragma once

#include <string>
#include <string_view>

#include "keel/detail/core.hpp"
#include "keel/ext/tls.h"

namespace keel {

// Finds pre-shared keys that are not in a file. Must outlive the plugin's sockets: a member of the
// plugin, for example.
class PskSource {
 public:
  virtual ~PskSource() = default;
  // Writes the raw key of `identity`; false: unknown. Must not block. [shard]
  virtual bool key(std::string_view identity, std::string& out) = 0;
};

enum class Verify : std::uint32_t {
  none = KEEL_TLS_VERIFY_NONE,
  optional = KEEL_TLS_VERIFY_OPTIONAL,
  require = KEEL_TLS_VERIFY_REQUIRE
};

// Either the name of a [tls.*] section of keel.conf, or files. See ext/tls.h.
struct Tls {
  std::string_view section = {};
  std::string_view certfile = {}, keyfile = {}, key_password = {};
  std::string_view cafile = {}, crlfile = {};
  std::string_view pskfile = {}, psk_hint = {};
  std::string_view ciphers = {}, ciphersuites = {};
  std::string_view min_version = {}, max_version = {};
  Verify verify = Verify::none;
  PskSource* psk = nullptr;
};

namespace detail {
// The options in C, and the ctx of the key lookup. Part of the socket's context.
struct TlsArguments {
  const Core* core = nullptr;
  PskSource* source = nullptr;

  keel_tls_options c(const Core& of, const Tls& tls) {
    core = &of;
    source = tls.psk;
    keel_tls_options out{};
    out.size = sizeof out;
    out.verify = static_cast<std::uint32_t>(tls.verify);
    out.section = to_c(tls.section);
    out.certfile = to_c(tls.certfile);
    out.keyfile = to_c(tls.keyfile);
    out.key_password = to_c(tls.key_password);
    out.cafile = to_c(tls.cafile);
    out.crlfile = to_c(tls.crlfile);
    out.pskfile = to_c(tls.pskfile);
    out.psk_hint = to_c(tls.psk_hint);
    out.ciphers = to_c(tls.ciphers);
    out.ciphersuites = to_c(tls.ciphersuites);
    out.min_version = to_c(tls.min_version);
    out.max_version = to_c(tls.max_version);
    if (source) {
      out.psk_lookup = &TlsArguments::lookup;
      out.psk_ctx = this;
    }
    return out;
  }
  static std::int32_t lookup(void* ctx, keel_str identity, keel_sink key) {
    const auto* const self = static_cast<TlsArguments*>(ctx);
    return guarded(*self->core, std::int32_t{0}, [&]() -> std::int32_t {
      std::string found;
      if (!self->source->key(view(identity), found)) return 0;
      put(key, found);
      return 1;
    });
  }
};
}  // namespace detail

// What a handshake proved about a peer; false: nothing, it was plain. A view.
class Verified {
 public:
  explicit Verified(const keel_verified* verified) : verified_(verified) {}
  explicit operator bool() const { return verified_ != nullptr; }
  std::string_view cn() const { return verified_ ? view(verified_->cn) : ""; }
  std::string_view san() const { return verified_ ? view(verified_->san) : ""; }
  std::string_view dn() const { return verified_ ? view(verified_->dn) : ""; }
  std::string_view psk_identity() const { return verified_ ? view(verified_->psk_identity) : ""; }
  std::string_view tls_version() const { return verified_ ? view(verified_->tls_version) : ""; }
  std::string_view cipher() const { return verified_ ? view(verified_->cipher) : ""; }
  const keel_verified* c() const { return verified_; }

 private:
  const keel_verified* verified_;
};

}  // namespace keel
