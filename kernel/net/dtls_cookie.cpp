#include "kernel/net/dtls_cookie.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>

#include "kernel/base/endpoint.hpp"

namespace keel::kernel {
namespace {

// A keyed HMAC-SHA-256 that is used again and again, without allocations.
EVP_MAC_CTX* make_keyed() {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* context = mac ? EVP_MAC_CTX_new(mac) : nullptr;
  EVP_MAC_free(mac);
  std::array<unsigned char, DtlsCookie::kSize> secret;
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  const bool made = context && RAND_bytes(secret.data(), static_cast<int>(secret.size())) == 1 &&
                    EVP_MAC_init(context, secret.data(), secret.size(), params) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  if (made) return context;
  EVP_MAC_CTX_free(context);
  return nullptr;
}

std::optional<DtlsCookie::Value> digest(EVP_MAC_CTX* keyed, const Endpoint& peer,
                                        std::string_view random) {
  const auto* address = peer.bytes.data();
  const unsigned char head[] = {static_cast<unsigned char>(peer.family),
                                static_cast<unsigned char>(peer.port >> 8),
                                static_cast<unsigned char>(peer.port)};
  DtlsCookie::Value value;
  std::size_t size = 0;
  if (!keyed || EVP_MAC_init(keyed, nullptr, 0, nullptr) != 1 ||
      EVP_MAC_update(keyed, head, sizeof head) != 1 ||
      EVP_MAC_update(keyed, address, peer.bytes.size()) != 1 ||
      EVP_MAC_update(keyed, reinterpret_cast<const unsigned char*>(random.data()), random.size()) !=
          1 ||
      EVP_MAC_final(keyed, reinterpret_cast<unsigned char*>(value.data()), &size, value.size()) !=
          1 ||
      size != value.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

DtlsCookie::~DtlsCookie() {
  EVP_MAC_CTX_free(current_);
  EVP_MAC_CTX_free(previous_);
}

void DtlsCookie::rotate(std::int64_t now_ms) {
  if (current_ && now_ms - since_ms_ < kPeriodMs) return;
  EVP_MAC_CTX_free(previous_);
  previous_ = current_;
  if (now_ms - since_ms_ >= 2 * kPeriodMs) {  // nobody asked for long: both are too old
    EVP_MAC_CTX_free(previous_);
    previous_ = nullptr;
  }
  current_ = make_keyed();
  since_ms_ = now_ms;
}

std::optional<DtlsCookie::Value> DtlsCookie::make(const Endpoint& peer, std::string_view random,
                                                  std::int64_t now_ms) {
  rotate(now_ms);
  return digest(current_, peer, random);
}

bool DtlsCookie::check(std::string_view cookie, const Endpoint& peer, std::string_view random,
                       std::int64_t now_ms) {
  rotate(now_ms);
  if (cookie.size() != kSize) return false;
  for (EVP_MAC_CTX* keyed : {current_, previous_}) {
    const auto expected = digest(keyed, peer, random);
    if (expected && CRYPTO_memcmp(expected->data(), cookie.data(), kSize) == 0) return true;
  }
  return false;
}

}  // namespace keel::kernel
