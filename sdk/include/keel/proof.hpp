// What DTLS proved about a peer, copied: to be compared with later, and to open its sessions with.
// A value; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include "keel/fields.hpp"
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

namespace detail {
template <class Io, class P>
bool proof_fields(Io& io, P& proof) {
  return io.field(proof.cn) && io.field(proof.san) && io.field(proof.dn) &&
         io.field(proof.psk_identity) && io.field(proof.tls_version) && io.field(proof.cipher);
}
}  // namespace detail

// As a field of what an upgrade hands over, see keel/fields.hpp.
inline bool write_proof(FieldWriter& to, const ProofPtr& proof) {
  to.field(proof != nullptr);
  return !proof || detail::proof_fields(to, *proof);
}
inline bool read_proof(FieldReader& from, ProofPtr& proof) {
  std::uint8_t there = 0;
  if (!from.field(there)) return false;
  if (there != 0) proof = std::make_unique<Proof>();
  return !proof || detail::proof_fields(from, *proof);
}

// Whether both are the same one, or nobody.
inline bool same_identity(const Proof* proof, const keel::Verified& now) {
  if (!proof || !now) return !proof && !now;
  return proof->psk_identity == now.psk_identity() && proof->dn == now.dn() &&
         proof->cn == now.cn();
}

}  // namespace keel
