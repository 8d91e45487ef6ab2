// The cookie that a DTLS client must return before anything is kept of it: a keyed hash of its
// address and its random value, under a secret that changes. [shard]
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernel/base/endpoint.hpp"

struct evp_mac_ctx_st;

namespace keel::kernel {

class DtlsCookie {
 public:
  static constexpr std::size_t kSize = 32;
  static constexpr std::int64_t kPeriodMs = 60'000;  // a cookie is good for one to two of these
  using Value = std::array<char, kSize>;

  DtlsCookie() = default;
  DtlsCookie(const DtlsCookie&) = delete;
  DtlsCookie& operator=(const DtlsCookie&) = delete;
  ~DtlsCookie();

  // `random` is the client's, 32 bytes. Nothing when OpenSSL has no memory.
  std::optional<Value> make(const Endpoint& peer, std::string_view random, std::int64_t now_ms);
  bool check(std::string_view cookie, const Endpoint& peer, std::string_view random,
             std::int64_t now_ms);

 private:
  void rotate(std::int64_t now_ms);

  evp_mac_ctx_st* current_ = nullptr;
  evp_mac_ctx_st* previous_ = nullptr;
  std::int64_t since_ms_ = 0;
};

}  // namespace keel::kernel
