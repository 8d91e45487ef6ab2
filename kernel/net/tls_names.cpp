#include "kernel/net/tls_names.hpp"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <vector>

namespace keel::kernel {
namespace {

std::string utf8_of(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = text ? ASN1_STRING_to_UTF8(&utf8, text) : -1;
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out.find('\0') == std::string::npos ? out : std::string();
}

std::string common_name(X509_NAME* subject) {
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  return at < 0 ? std::string()
                : utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::string distinguished_name(X509_NAME* subject) {
  BIO* memory = BIO_new(BIO_s_mem());
  if (!memory) return {};
  std::string out;
  if (X509_NAME_print_ex(memory, subject, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory, &text);
    if (size > 0) out.assign(text, static_cast<std::size_t>(size));
  }
  BIO_free(memory);
  return out;
}

std::string name_text(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return utf8_of(name.d.dNSName);
    case GEN_EMAIL:
      return utf8_of(name.d.rfc822Name);
    case GEN_URI:
      return utf8_of(name.d.uniformResourceIdentifier);
    case GEN_IPADD: {
      const unsigned char* bytes = ASN1_STRING_get0_data(name.d.iPAddress);
      const int size = ASN1_STRING_length(name.d.iPAddress);
      if (size == 4) return Endpoint::ip4(bytes, 0).host();
      return size == 16 ? Endpoint::ip6(bytes, 0).host() : std::string();
    }
    default:
      return {};
  }
}

// The first `max` that can be shown.
std::vector<std::string> alternative_names(const X509& certificate, std::size_t max) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr));
  std::vector<std::string> all;
  for (int i = 0; names && all.size() < max && i < sk_GENERAL_NAME_num(names); ++i) {
    if (std::string name = name_text(*sk_GENERAL_NAME_value(names, i)); !name.empty())
      all.push_back(std::move(name));
  }
  GENERAL_NAMES_free(names);
  return all;
}

}  // namespace

void read_names(x509_st& certificate, PeerInfo::Verified& out) {
  X509_NAME* subject = X509_get_subject_name(&certificate);
  out.cn = common_name(subject);
  out.dn = distinguished_name(subject);
  if (auto names = alternative_names(certificate, 1); !names.empty()) out.san = std::move(names[0]);
}

std::string printable_names(const x509_st& certificate) {
  constexpr std::size_t kMaxNames = 3, kMaxLength = 200;
  std::string text;
  for (const std::string& name : alternative_names(certificate, kMaxNames)) {
    text += (text.empty() ? "" : ", ") + name;
  }
  if (text.empty()) text = common_name(X509_get_subject_name(&certificate));
  if (text.empty()) text = "nobody";
  if (text.size() > kMaxLength) text.resize(kMaxLength);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace keel::kernel
