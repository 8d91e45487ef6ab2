#include "emqx_acl/network.hpp"

namespace emqx_acl {
namespace {

std::uint64_t big_endian(const std::uint8_t* bytes, int count) {
  std::uint64_t out = 0;
  for (int i = 0; i < count; ++i) out = out << 8 | bytes[i];
  return out;
}

// The upper `bits` of `width`.
std::uint64_t upper_bits(unsigned bits, unsigned width) {
  if (bits == 0) return 0;
  const std::uint64_t all = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  return all & ~(bits >= width ? 0 : (std::uint64_t{1} << (width - bits)) - 1);
}

std::optional<unsigned> prefix_length(std::string_view text) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  unsigned out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + static_cast<unsigned>(c - '0');
  }
  return out;
}

}  // namespace

Ip Ip::of(const keel::Address& address) {
  const keel_addr& raw = address.c();
  switch (address.family()) {
    case KEEL_ADDR_IP4:
      return {Family::v4, 0, big_endian(raw.bytes, 4)};
    case KEEL_ADDR_IP6: {
      const Ip v6{Family::v6, big_endian(raw.bytes, 8), big_endian(raw.bytes + 8, 8)};
      if (v6.high == 0 && v6.low >> 32 == 0xffff) return {Family::v4, 0, v6.low & 0xffff'ffff};
      return v6;
    }
    case KEEL_ADDR_UNIX:
      return {Family::unix_socket, 0, 0};
    default:
      return {};
  }
}

std::optional<Network> Network::parse(std::string_view text) {
  Network out;
  out.text_ = text;
  if (text == "unix") {
    out.base_.family = Ip::Family::unix_socket;
    return out;
  }
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  // Neither ports nor scopes: Address::parse() would take both.
  const bool v6 = host.find(':') != host.rfind(':');
  if (host.find_first_of("[]%") != std::string_view::npos) return std::nullopt;
  if (!v6 && host.find(':') != std::string_view::npos) return std::nullopt;
  const auto address = keel::Address::parse(host);
  if (!address) return std::nullopt;
  unsigned bits = v6 ? 128 : 32;
  if (slash != std::string_view::npos) {
    const auto given = prefix_length(text.substr(slash + 1));
    if (!given || *given > bits) return std::nullopt;
    bits = *given;
  }
  out.base_ = Ip::of(*address);
  if (v6 && out.base_.family == Ip::Family::v4) {  // ::ffff:10.0.0.0/104
    if (bits < 96) return std::nullopt;
    bits -= 96;
  }
  const bool as_v4 = out.base_.family == Ip::Family::v4;
  out.mask_high_ = as_v4 ? 0 : upper_bits(bits < 64 ? bits : 64, 64);
  out.mask_low_ = as_v4 ? upper_bits(bits, 32) : upper_bits(bits < 64 ? 0 : bits - 64, 64);
  out.base_.high &= out.mask_high_;
  out.base_.low &= out.mask_low_;
  return out;
}

}  // namespace emqx_acl
