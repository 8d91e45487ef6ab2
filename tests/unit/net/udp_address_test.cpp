#include "kernel/net/udp_address.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "udp_rig.hpp"

using namespace keel::test;

TEST_CASE("UDP addresses: there and back, on sockets of both versions") {
  for (const char* host : {"127.0.0.1", "255.255.255.255", "0.0.0.0"}) {
    const Endpoint endpoint = at(host, 1884);
    for (const bool ip6 : {false, true}) {
      const UdpAddress address = to_socket_address(endpoint, ip6);
      CHECK(address.storage.ss_family == (ip6 ? AF_INET6 : AF_INET));
      CHECK(from_socket_address(address.storage) == endpoint);
    }
  }
  for (const char* host : {"::1", "2001:db8::7", "ff02::fd"}) {
    const Endpoint endpoint = at(host, 5683);
    CHECK(from_socket_address(to_socket_address(endpoint, true).storage) == endpoint);
    CHECK(to_socket_address(endpoint, false).size == 0);
  }
  CHECK(to_socket_address(Endpoint{}, true).size == 0);
  CHECK(to_socket_address(Endpoint{}, false).size == 0);
}

TEST_CASE("UDP addresses: a link-local one keeps its interface") {
  UdpAddress address = to_socket_address(at("fe80::1", 5683), true);
  auto& in = reinterpret_cast<sockaddr_in6&>(address.storage);
  CHECK(in.sin6_scope_id == 0);
  in.sin6_scope_id = 0x0102;
  const Endpoint endpoint = from_socket_address(address.storage);
  CHECK(endpoint != at("fe80::1", 5683));
  const UdpAddress back = to_socket_address(endpoint, true);
  const auto& again = reinterpret_cast<const sockaddr_in6&>(back.storage);
  CHECK(again.sin6_scope_id == 0x0102);
  CHECK(std::memcmp(&again.sin6_addr, at("fe80::1", 0).bytes.data(), 16) == 0);
}

TEST_CASE("UDP addresses: groups and unspecified ones") {
  CHECK(is_multicast(at("224.0.1.187", 0)));
  CHECK(is_multicast(at("239.255.255.255", 0)));
  CHECK(is_multicast(at("ff02::fd", 0)));
  CHECK_FALSE(is_multicast(at("240.0.0.1", 0)));
  CHECK_FALSE(is_multicast(at("fe80::1", 0)));
  CHECK(is_unspecified(at("0.0.0.0", 9)));
  CHECK(is_unspecified(at("::", 9)));
  CHECK_FALSE(is_unspecified(at("::1", 9)));
}
