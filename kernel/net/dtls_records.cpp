#include "kernel/net/dtls_records.hpp"

#include <algorithm>

namespace keel::kernel {
namespace {

constexpr std::size_t kRecordHeader = 13, kMessageHeader = 12;
constexpr char kHandshake = 22, kClientHello = 1, kHelloVerifyRequest = 3;
constexpr std::size_t kRandom = 32, kMaxSessionId = 32;

std::uint32_t load_be24(const char* at) {
  return std::uint32_t{octet(at[0])} << 16 | load_be16(at + 1);
}

// Takes a field with one byte of length in front; nothing when it is cut off.
std::optional<std::string_view> take_field(std::string_view& rest) {
  if (rest.empty() || rest.size() - 1 < octet(rest[0])) return std::nullopt;
  const std::string_view field = rest.substr(1, octet(rest[0]));
  rest.remove_prefix(1 + field.size());
  return field;
}

}  // namespace

bool unencrypted(Bytes datagram) {
  return datagram.size() > kRecordHeader && octet(datagram[1]) == 0xfe &&
         load_be16(datagram.data() + 3) == 0;
}

bool looks_like_hello(Bytes datagram) {
  return unencrypted(datagram) && datagram[0] == kHandshake &&
         datagram[kRecordHeader] == kClientHello;
}

std::optional<ClientHello> parse_hello(Bytes datagram) {
  if (!looks_like_hello(datagram)) return std::nullopt;
  std::string_view record = datagram.substr(kRecordHeader);
  const std::size_t size = load_be16(datagram.data() + 11);
  if (size > record.size() || size < kMessageHeader) return std::nullopt;
  record = record.substr(0, size);
  const std::uint32_t length = load_be24(record.data() + 1);
  if (load_be24(record.data() + 6) != 0 || load_be24(record.data() + 9) != length ||
      length != record.size() - kMessageHeader) {
    return std::nullopt;
  }
  std::string_view rest = record.substr(kMessageHeader);
  if (rest.size() < 2 + kRandom) return std::nullopt;
  ClientHello hello;
  hello.record_number = datagram.substr(5, 6);
  hello.random = rest.substr(2, kRandom);
  rest.remove_prefix(2 + kRandom);
  const auto session = take_field(rest);
  const auto cookie = session && session->size() <= kMaxSessionId ? take_field(rest) : std::nullopt;
  if (!cookie || rest.size() < 2) return std::nullopt;
  hello.cookie = *cookie;
  return hello;
}

// The record's number is the question's: so the server need not count (RFC 6347, 4.2.1).
HelloVerify make_hello_verify(const ClientHello& hello, const DtlsCookie::Value& cookie) {
  constexpr std::size_t kBody = 3 + DtlsCookie::kSize;
  constexpr std::uint32_t kVersion = 0xfeff;
  HelloVerify out{};
  char* at = out.data();
  *at++ = kHandshake;
  at = store_be16(at, kVersion);
  at = store_be16(at, 0);
  at = std::copy(hello.record_number.begin(), hello.record_number.end(), at);
  at = store_be16(at, kMessageHeader + kBody);
  const auto length = [&] {
    *at++ = 0;
    at = store_be16(at, kBody);
  };
  *at++ = kHelloVerifyRequest;
  length();
  at += 2 + 3;  // message 0, fragment at 0
  length();
  at = store_be16(at, kVersion);
  *at++ = static_cast<char>(DtlsCookie::kSize);
  std::copy(cookie.begin(), cookie.end(), at);
  return out;
}

std::size_t count_encrypted(Bytes datagram) {
  std::size_t count = 0;
  while (datagram.size() >= kRecordHeader) {
    if (load_be16(datagram.data() + 3) != 0) ++count;
    const std::size_t size = kRecordHeader + load_be16(datagram.data() + 11);
    datagram.remove_prefix(std::min(size, datagram.size()));
  }
  return count;
}

}  // namespace keel::kernel
