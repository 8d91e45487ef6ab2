#include "kernel/net/proxy_header.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "kernel/base/bytes.hpp"

namespace keel::kernel {
namespace {

constexpr std::string_view kSignature2{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::size_t kMaxLine1 = 107;  // CR LF included
constexpr std::size_t kFixed2 = 16;

// True when `bytes` are, or may still become, something that starts with `signature`.
bool may_start_with(std::string_view bytes, std::string_view signature) {
  const std::size_t n = std::min(bytes.size(), signature.size());
  return bytes.substr(0, n) == signature.substr(0, n);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > 65535)
    return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

// "TCP4 source destination source-port destination-port", each separated by one space.
ProxyParse parse_line(std::string_view line, ProxyHeader& out) {
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) {
    out.keeps_address = true;
    return ProxyParse::ok;
  }
  std::array<std::string_view, 5> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t space = line.find(' ');
    if ((space == std::string_view::npos) != (i + 1 == words.size())) return ProxyParse::malformed;
    words[i] = line.substr(0, space);
    if (space != std::string_view::npos) line.remove_prefix(space + 1);
  }
  const bool v6 = words[0] == "TCP6";
  if (!v6 && words[0] != "TCP4") return ProxyParse::malformed;
  const auto source_port = parse_port(words[3]);
  if (!source_port || !parse_port(words[4])) return ProxyParse::malformed;
  for (const std::string_view address : {words[1], words[2]}) {
    if ((address.find(':') != std::string_view::npos) != v6) return ProxyParse::malformed;
    if (!Endpoint::parse(address)) return ProxyParse::malformed;
  }
  out.source = *Endpoint::parse(words[1], *source_port);
  return ProxyParse::ok;
}

ProxyParse parse_v1(std::string_view bytes, ProxyHeader& out, std::size_t& consumed) {
  const std::size_t end = bytes.substr(0, kMaxLine1).find('\n');
  if (end == std::string_view::npos) {
    return bytes.size() >= kMaxLine1 ? ProxyParse::malformed : ProxyParse::incomplete;
  }
  if (end <= kSignature1.size() || bytes[end - 1] != '\r') return ProxyParse::malformed;
  consumed = end + 1;
  return parse_line(bytes.substr(kSignature1.size(), end - 1 - kSignature1.size()), out);
}

// The addresses of version 2, of family and transport `kind`.
ProxyParse parse_block(std::uint8_t kind, std::string_view block, ProxyHeader& out) {
  constexpr std::uint8_t kUnspec = 0x0, kInet = 0x1, kInet6 = 0x2, kUnix = 0x3;
  if ((kind & 0xf) > 2) return ProxyParse::malformed;
  switch (kind >> 4) {
    case kUnspec:
      out.keeps_address = true;
      return ProxyParse::ok;
    case kInet:
      if (block.size() < 12) return ProxyParse::malformed;
      out.source = Endpoint::ip4(block.data(), load_be16(block.data() + 8));
      return ProxyParse::ok;
    case kInet6:
      if (block.size() < 36) return ProxyParse::malformed;
      out.source = Endpoint::ip6(block.data(), load_be16(block.data() + 32));
      return ProxyParse::ok;
    case kUnix:
      if (block.size() < 216) return ProxyParse::malformed;
      out.source.family = Endpoint::Family::unix_socket;
      return ProxyParse::ok;
    default:
      return ProxyParse::malformed;
  }
}

ProxyParse parse_v2(std::string_view bytes, ProxyHeader& out, std::size_t& consumed) {
  constexpr std::uint8_t kVersion2 = 0x2, kLocal = 0x0, kProxy = 0x1;
  if (bytes.size() > 12) {
    const std::uint8_t command = octet(bytes[12]);
    if (command >> 4 != kVersion2 || (command & 0xf) > kProxy) return ProxyParse::malformed;
  }
  if (bytes.size() < kFixed2) return ProxyParse::incomplete;
  const std::size_t size = load_be16(bytes.data() + 14);
  if (kFixed2 + size > kMaxProxyHeader) return ProxyParse::malformed;
  if (bytes.size() < kFixed2 + size) return ProxyParse::incomplete;
  consumed = kFixed2 + size;
  if ((octet(bytes[12]) & 0xf) == kLocal) {
    out.keeps_address = true;
    return ProxyParse::ok;
  }
  return parse_block(octet(bytes[13]), bytes.substr(kFixed2, size), out);
}

}  // namespace

ProxyParse parse_proxy_header(std::string_view bytes, ProxyHeader& out, std::size_t& consumed) {
  out = ProxyHeader{};
  consumed = 0;
  if (bytes.empty()) return ProxyParse::incomplete;
  if (may_start_with(bytes, kSignature2)) return parse_v2(bytes, out, consumed);
  if (may_start_with(bytes, kSignature1)) return parse_v1(bytes, out, consumed);
  return ProxyParse::malformed;
}

}  // namespace keel::kernel
