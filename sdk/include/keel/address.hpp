// An address and port, as peers and listeners have them. A value; any thread.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "keel/abi.h"
#include "keel/text.hpp"

namespace keel {

class Address {
 public:
  Address() = default;
  Address(const keel_addr& addr) : addr_(addr) {}  // NOLINT: the same thing in two languages

  // "127.0.0.1:1884", "[fe80::1%2]:1884" (the scope as a number), "127.0.0.1" (port 0), "::1".
  static std::optional<Address> parse(std::string_view text) {
    std::uint32_t port = 0;
    std::string_view host = text;
    if (text.starts_with('[')) {
      const std::size_t end = text.find(']');
      if (end == std::string_view::npos) return std::nullopt;
      host = text.substr(1, end - 1);
      const std::string_view rest = text.substr(end + 1);
      if (!rest.empty() && (rest[0] != ':' || !number(rest.substr(1), 65535, port))) {
        return std::nullopt;
      }
      return parse_host(host, KEEL_ADDR_IP6, port);
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) == std::string_view::npos) {
      if (colon != std::string_view::npos) {
        host = text.substr(0, colon);
        if (!number(text.substr(colon + 1), 65535, port)) return std::nullopt;
      }
      return parse_host(host, KEEL_ADDR_IP4, port);
    }
    return parse_host(host, KEEL_ADDR_IP6, 0);
  }

  const keel_addr& c() const { return addr_; }
  std::uint8_t family() const { return addr_.family; }
  std::uint16_t port() const { return addr_.port; }
  Address with_port(std::uint16_t port) const {
    Address out = *this;
    out.addr_.port = port;
    return out;
  }
  bool is_loopback() const {
    if (addr_.family == KEEL_ADDR_IP4) return addr_.bytes[0] == 127;
    if (addr_.family == KEEL_ADDR_IP6) {
      for (int i = 0; i < 15; ++i) {
        if (addr_.bytes[i] != 0) return false;
      }
      return addr_.bytes[15] == 1;
    }
    return addr_.family == KEEL_ADDR_UNIX;
  }

  // Without the port: "127.0.0.1", "fe80::1%2".
  std::string host() const {
    char text[INET6_ADDRSTRLEN] = "";
    if (addr_.family == KEEL_ADDR_UNIX) return "unix";
    if (addr_.family == KEEL_ADDR_NONE) return "";
    ::inet_ntop(addr_.family == KEEL_ADDR_IP4 ? AF_INET : AF_INET6, addr_.bytes, text, sizeof text);
    std::string out = text;
    if (addr_.scope != 0) out += concat('%', addr_.scope);
    return out;
  }
  std::string text() const {
    switch (addr_.family) {
      case KEEL_ADDR_IP4:
        return concat(host(), ':', addr_.port);
      case KEEL_ADDR_IP6:
        return concat('[', host(), "]:", addr_.port);
      default:
        return host();
    }
  }
  void append_to(std::string& out) const { out += text(); }

  // For hash tables of peers.
  std::size_t hash() const {
    std::uint64_t words[3];
    std::memcpy(words, &addr_, sizeof words);
    std::uint64_t h = addr_.scope;
    for (const std::uint64_t word : words) {
      h = (h ^ word) * 0x9e3779b97f4a7c15u;
      h ^= h >> 32;
    }
    return static_cast<std::size_t>(h);
  }
  friend bool operator==(const Address& a, const Address& b) {
    return std::memcmp(&a.addr_, &b.addr_, sizeof a.addr_) == 0;
  }
  friend bool operator<(const Address& a, const Address& b) {
    return std::memcmp(&a.addr_, &b.addr_, sizeof a.addr_) < 0;
  }

 private:
  static bool number(std::string_view text, std::uint32_t most, std::uint32_t& out) {
    if (text.empty() || text.size() > 9) return false;
    out = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') return false;
      out = out * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return out <= most;
  }
  static std::optional<Address> parse_host(std::string_view host, std::uint8_t family,
                                           std::uint32_t port) {
    Address out;
    if (const std::size_t cut = host.find('%'); cut != std::string_view::npos) {
      if (family != KEEL_ADDR_IP6 || !number(host.substr(cut + 1), 999'999'999, out.addr_.scope)) {
        return std::nullopt;
      }
      host = host.substr(0, cut);
    }
    char text[INET6_ADDRSTRLEN] = "";
    if (host.empty() || host.size() >= sizeof text) return std::nullopt;
    std::memcpy(text, host.data(), host.size());
    if (::inet_pton(family == KEEL_ADDR_IP4 ? AF_INET : AF_INET6, text, out.addr_.bytes) != 1) {
      return std::nullopt;
    }
    out.addr_.family = family;
    out.addr_.port = static_cast<std::uint16_t>(port);
    return out;
  }

  keel_addr addr_{};
};

// For std::unordered_map<keel::Address, X, keel::AddressHash>.
struct AddressHash {
  std::size_t operator()(const Address& address) const { return address.hash(); }
};

}  // namespace keel
