// Certificates for tests: made on the spot with OpenSSL, in a directory that goes with the object.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>

namespace keel::test {

// A directory below the system's temporary one, removed at the end.
struct TempDir {
  TempDir();
  ~TempDir();
  std::string file(const std::string& name) const { return (path / name).string(); }
  void write(const std::string& name, const std::string& text) const;
  std::filesystem::path path;
};

struct Identity {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;
};

struct CertificateOptions {
  std::string cn;
  std::string san;  // "DNS:x", "IP:1.2.3.4"; empty: none
  long serial = 1;
  long days = 1;  // negative: expired
};

Identity make_authority(const std::string& cn);
Identity issue(const Identity& authority, const CertificateOptions& options);

void write_certificate(const Identity& identity, const std::string& file);
void write_key(const Identity& identity, const std::string& file, const std::string& password = "");
// A revocation list that names `serial`.
void write_crl(const Identity& authority, long serial, const std::string& file);

}  // namespace keel::test
