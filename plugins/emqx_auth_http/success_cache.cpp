#include "emqx_auth_http/success_cache.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <stdexcept>

namespace auth_http {

SuccessCache::SuccessCache(std::int64_t ttl_ms, std::size_t most) : ttl_ms_(ttl_ms), most_(most) {
  if (::getentropy(key_.data(), key_.size()) != 0) throw std::runtime_error("no random numbers");
}

SuccessCache::Digest SuccessCache::digest(const keel::http::Request& request) const {
  // A target has no line break, so no two requests make the same text.
  const std::string text = request.method + ' ' + request.target + '\n' + request.body;
  Digest out;
  unsigned size = 0;
  if (!::HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
              &size)) {
    throw std::runtime_error("HMAC failed");
  }
  return out;
}

std::optional<bool> SuccessCache::find(const Digest& digest, std::int64_t now_ms) const {
  const auto found = entries_.find(digest);
  if (found == entries_.end() || found->second.until_ms <= now_ms) return std::nullopt;
  return found->second.superuser;
}

void SuccessCache::put(const Digest& digest, bool superuser, std::int64_t now_ms) {
  if (!on()) return;
  const auto [at, fresh] = entries_.insert_or_assign(digest, Entry{now_ms + ttl_ms_, superuser});
  static_cast<void>(at);
  if (!fresh) return;
  order_.push_back(digest);
  if (order_.size() <= most_) return;
  entries_.erase(order_.front());
  order_.pop_front();
}

}  // namespace auth_http
