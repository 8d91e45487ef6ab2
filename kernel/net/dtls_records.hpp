// The little that must be understood of DTLS records before OpenSSL sees them: the client's first
// message, which is answered without keeping anything. No sockets, no OpenSSL. [any]
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernel/base/bytes.hpp"
#include "kernel/net/dtls_cookie.hpp"

namespace keel::kernel {

struct ClientHello {
  std::string_view random;         // 32 bytes
  std::string_view cookie;         // empty: none yet
  std::string_view record_number;  // six bytes
};

// Whether the first record is, unencrypted, a client's first message. It may be damaged.
bool looks_like_hello(Bytes datagram);
// Nothing: damaged, or in fragments, which would have to be kept. Views into `datagram`.
std::optional<ClientHello> parse_hello(Bytes datagram);

// The answer to a client's first message that has no good cookie: shorter than the question.
inline constexpr std::size_t kHelloVerifySize = 13 + 12 + 3 + DtlsCookie::kSize;
using HelloVerify = std::array<char, kHelloVerifySize>;
HelloVerify make_hello_verify(const ClientHello& hello, const DtlsCookie::Value& cookie);

// Whether the first record is unencrypted, as those at the beginning of a handshake.
bool unencrypted(Bytes datagram);
// How many encrypted records a datagram holds.
std::size_t count_encrypted(Bytes datagram);

}  // namespace keel::kernel
