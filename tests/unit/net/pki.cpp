#include "pki.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace keel::test {
namespace {

void check(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL failed while making test certificates");
}

Identity blank(const CertificateOptions& options) {
  Identity made{{EVP_EC_gen("P-256"), EVP_PKEY_free}, {X509_new(), X509_free}};
  X509* x = made.certificate.get();
  check(made.key && x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), options.serial);
  X509_gmtime_adj(X509_getm_notBefore(x), -86400L * 30);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400L * options.days);
  X509_set_pubkey(x, made.key.get());
  X509_NAME* name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("Keel"), -1, -1, 0);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(options.cn.c_str()), -1, -1, 0);
  return made;
}

void extend(X509* x, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  check(extension);
  X509_add_ext(x, extension, -1);
  X509_EXTENSION_free(extension);
}

std::shared_ptr<BIO> open_for_writing(const std::string& file) {
  std::shared_ptr<BIO> bio(BIO_new_file(file.c_str(), "w"), BIO_free);
  check(bio != nullptr);
  return bio;
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "keel-net-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
  path = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

void TempDir::write(const std::string& name, const std::string& text) const {
  std::ofstream(file(name), std::ios::binary) << text;
}

Identity make_authority(const std::string& cn) {
  Identity made = blank({.cn = cn});
  X509* x = made.certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(x));
  extend(x, x, NID_basic_constraints, "critical,CA:TRUE");
  check(X509_sign(x, made.key.get(), EVP_sha256()) > 0);
  return made;
}

Identity issue(const Identity& authority, const CertificateOptions& options) {
  Identity made = blank(options);
  X509* x = made.certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(authority.certificate.get()));
  if (!options.san.empty()) {
    extend(x, authority.certificate.get(), NID_subject_alt_name, options.san);
  }
  check(X509_sign(x, authority.key.get(), EVP_sha256()) > 0);
  return made;
}

void write_certificate(const Identity& identity, const std::string& file) {
  check(PEM_write_bio_X509(open_for_writing(file).get(), identity.certificate.get()));
}

void write_key(const Identity& identity, const std::string& file, const std::string& password) {
  const EVP_CIPHER* cipher = password.empty() ? nullptr : EVP_aes_128_cbc();
  check(PEM_write_bio_PrivateKey(open_for_writing(file).get(), identity.key.get(), cipher,
                                 reinterpret_cast<const unsigned char*>(password.data()),
                                 static_cast<int>(password.size()), nullptr, nullptr));
}

void write_crl(const Identity& authority, long serial, const std::string& file) {
  std::shared_ptr<X509_CRL> crl(X509_CRL_new(), X509_CRL_free);
  X509_CRL_set_version(crl.get(), 1);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(authority.certificate.get()));
  std::shared_ptr<ASN1_TIME> now(X509_gmtime_adj(nullptr, -60), ASN1_TIME_free);
  std::shared_ptr<ASN1_TIME> later(X509_gmtime_adj(nullptr, 86400), ASN1_TIME_free);
  X509_CRL_set1_lastUpdate(crl.get(), now.get());
  X509_CRL_set1_nextUpdate(crl.get(), later.get());
  X509_REVOKED* revoked = X509_REVOKED_new();
  std::shared_ptr<ASN1_INTEGER> number(ASN1_INTEGER_new(), ASN1_INTEGER_free);
  ASN1_INTEGER_set(number.get(), serial);
  X509_REVOKED_set_serialNumber(revoked, number.get());
  X509_REVOKED_set_revocationDate(revoked, now.get());
  X509_CRL_add0_revoked(crl.get(), revoked);
  X509_CRL_sort(crl.get());
  check(X509_CRL_sign(crl.get(), authority.key.get(), EVP_sha256()) > 0);
  check(PEM_write_bio_X509_CRL(open_for_writing(file).get(), crl.get()));
}

}  // namespace keel::test
