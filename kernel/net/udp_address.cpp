#include "kernel/net/udp_address.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/base/hash.hpp"

namespace keel::kernel {

std::uint64_t hash_endpoint(const Endpoint& endpoint) {
  std::array<char, 19> key;
  key[0] = static_cast<char>(endpoint.family);
  std::memcpy(&key[1], &endpoint.port, 2);
  std::memcpy(&key[3], endpoint.bytes.data(), 16);
  return hash_bytes({key.data(), key.size()}, hash_seed());
}

bool is_multicast(const Endpoint& endpoint) {
  if (endpoint.family == Endpoint::Family::ip4) return (endpoint.bytes[0] & 0xf0) == 0xe0;
  return endpoint.family == Endpoint::Family::ip6 && endpoint.bytes[0] == 0xff;
}

bool is_unspecified(const Endpoint& endpoint) {
  return std::all_of(endpoint.bytes.begin(), endpoint.bytes.end(), [](auto b) { return b == 0; });
}

in6_addr mapped_address(const Endpoint& endpoint) {
  in6_addr address{};
  if (endpoint.family == Endpoint::Family::ip6) {
    std::memcpy(&address, endpoint.bytes.data(), 16);
  } else {
    address.s6_addr[10] = address.s6_addr[11] = 0xff;
    std::memcpy(&address.s6_addr[12], endpoint.bytes.data(), 4);
  }
  return address;
}

std::uint32_t take_interface(in6_addr& address) {
  if (!IN6_IS_ADDR_LINKLOCAL(&address)) return 0;
  const std::uint32_t interface = std::uint32_t{address.s6_addr[2]} << 8 | address.s6_addr[3];
  address.s6_addr[2] = address.s6_addr[3] = 0;
  return interface;
}

void put_interface(in6_addr& address, std::uint32_t interface) {
  if (!IN6_IS_ADDR_LINKLOCAL(&address) || interface > 0xffff) return;
  address.s6_addr[2] = static_cast<std::uint8_t>(interface >> 8);
  address.s6_addr[3] = static_cast<std::uint8_t>(interface);
}

UdpAddress to_socket_address(const Endpoint& endpoint, bool ip6) {
  UdpAddress out;
  const bool is4 = endpoint.family == Endpoint::Family::ip4;
  if (!is4 && (endpoint.family != Endpoint::Family::ip6 || !ip6)) return out;
  if (ip6) {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    in.sin6_addr = mapped_address(endpoint);
    in.sin6_scope_id = take_interface(in.sin6_addr);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, endpoint.bytes.data(), 4);
    std::memcpy(&out.storage, &in, sizeof in);
    out.size = sizeof in;
  }
  return out;
}

Endpoint from_socket_address(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET6) return Endpoint::from(address);
  sockaddr_in6 in;
  std::memcpy(&in, &address, sizeof in);
  put_interface(in.sin6_addr, in.sin6_scope_id);
  return Endpoint::ip6(&in.sin6_addr, ntohs(in.sin6_port));
}

}  // namespace keel::kernel
