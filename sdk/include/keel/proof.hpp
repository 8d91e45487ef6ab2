// What DTLS proved about a peer, copied: to be compared with later, and to open its sessions with.
// A value; any thread.
#pragma once

#include <memory>
#include <string>
#include "keel/tls.hpp"

namespace keel {

class Proof {
 public:
  Proof() = default;
  explicit Proof(const keel::Verified& of)
      : cn(of.cn()),
        san(of.san()),
        dn(of.dn()),
        psk_identity(of.psk_identity()),
        tls_version(of.tls_version()),
        cipher(of.cipher()) {}

  // Views into this.
  keel_verified c() const {
    keel_verified out{};
    out.size = sizeof out;
    out.cn = keel::to_c(cn);
    out.san = keel::to_c(san);
    out.dn = keel::to_c(dn);
    out.psk_identity = keel::to_c(psk_identity);
    out.tls_version = keel::to_c(tls_version);
    out.cipher = keel::to_c(cipher);
    return out;
  }

  std::string cn, san, dn, psk_identity, tls_version, cipher;
};
using ProofPtr = std::unique_ptr<Proof>;  // null: plain UDP, nothing is proved

inline ProofPtr copy_proof(const keel::Verified& of) {
  return of ? std::make_unique<Proof>(of) : nullptr;
}

// Whether both are the same one, or nobody.
inline bool same_identity(const Proof* proof, const keel::Verified& now) {
  if (!proof || !now) return !proof && !now;
  return proof->psk_identity == now.psk_identity() && proof->dn == now.dn() &&
         proof->cn == now.cn();
}

}  // namespace keel
