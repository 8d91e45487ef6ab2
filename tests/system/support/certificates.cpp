#include "tests/system/support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <string>

#include "tests/system/support/process.hpp"

namespace keel::test {

namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using File = std::unique_ptr<std::FILE, Freer<std::fclose>>;

struct Identity {
  Key key;
  Certificate certificate;
};

Key make_key() { return Key{EVP_EC_gen("P-256")}; }

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, by itself when there is none.
Identity make(const std::string& cn, long serial, const Identity* issuer, const char* san) {
  Identity out{make_key(), Certificate{X509_new()}};
  X509* x = out.certificate.get();
  X509* signer = issuer != nullptr ? issuer->certificate.get() : x;
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 30L * 24 * 3600);
  X509_set_pubkey(x, out.key.get());
  add_name(X509_get_subject_name(x), "O", "Keel tests");
  add_name(X509_get_subject_name(x), "CN", cn);
  X509_set_issuer_name(x, X509_get_subject_name(signer));
  if (issuer == nullptr) {
    add_extension(x, signer, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(x, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  add_extension(x, signer, NID_subject_key_identifier, "hash");
  if (san != nullptr) add_extension(x, signer, NID_subject_alt_name, san);
  X509_sign(x, issuer != nullptr ? issuer->key.get() : out.key.get(), EVP_sha256());
  return out;
}

void save(const std::filesystem::path& dir, const std::string& name, const Identity& identity) {
  const File certificate{std::fopen((dir / (name + ".pem")).c_str(), "w")};
  PEM_write_X509(certificate.get(), identity.certificate.get());
  const std::filesystem::path key_file = dir / (name + ".key");
  const File key{std::fopen(key_file.c_str(), "w")};
  PEM_write_PrivateKey(key.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::filesystem::permissions(
      key_file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

void save_crl(const std::filesystem::path& file, const Identity& ca, const Identity* revoked) {
  X509_CRL* crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca.certificate.get()));
  ASN1_TIME* time = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(crl, time);
  X509_gmtime_adj(time, 24L * 3600);
  X509_CRL_set1_nextUpdate(crl, time);
  if (revoked != nullptr) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate.get()));
    X509_gmtime_adj(time, -60);
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl, entry);
  }
  ASN1_TIME_free(time);
  X509_CRL_sign(crl, ca.key.get(), EVP_sha256());
  const File out{std::fopen(file.c_str(), "w")};
  PEM_write_X509_CRL(out.get(), crl);
  X509_CRL_free(crl);
}

void make_all(const std::filesystem::path& dir) {
  const Identity ca = make("Keel test CA", 1, nullptr, nullptr);
  const Identity other = make("Other CA", 1, nullptr, nullptr);
  const char* here = "IP:127.0.0.1,DNS:localhost";
  const Identity revoked = make("mallory", 5, &ca, nullptr);
  save(dir, "ca", ca);
  save(dir, "server", make("localhost", 2, &ca, here));
  save(dir, "server2", make("localhost", 3, &ca, here));
  save(dir, "client", make("alice", 4, &ca, "DNS:alice.example.org"));
  save(dir, "revoked", revoked);
  save(dir, "stranger", make("alice", 6, &other, nullptr));
  save_crl(dir / "crl.pem", ca, &revoked);
  save_crl(dir / "crl-empty.pem", ca, nullptr);
  const std::filesystem::path psk = dir / "psk.txt";
  write_file(psk, std::string{"sensor1:"} + kPskKey + "\n");
  std::filesystem::permissions(
      psk, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace

const std::filesystem::path& certificates() {
  static const TempDir dir;
  static const bool made = (make_all(dir.path()), true);
  static_cast<void>(made);
  return dir.path();
}

}  // namespace keel::test
