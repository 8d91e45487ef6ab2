// UdpSocket: groups.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "kernel/net/udp_address.hpp"
#include "kernel/net/udp_socket.hpp"

namespace keel::kernel {
namespace {

const char* remedy(int error) {
  switch (error) {
    case EADDRNOTAVAIL:
      return "; the socket is no member there";
    case ENODEV:
      return "; name the index of an interface that exists and can do multicast (ip link)";
    case ENOBUFS:
      return "; raise net.ipv4.igmp_max_memberships";
    default:
      return "";
  }
}

}  // namespace

Result<bool> UdpSocket::membership(bool join, const Endpoint& group, std::uint32_t interface) {
  const auto error = [&](const std::string& text) {
    return Error{fmt::format("UDP {}: cannot {} group {}: {}", local_.text(),
                             join ? "join" : "leave", group.host(), text)};
  };
  const bool group6 = group.family == Endpoint::Family::ip6;
  if (!is_multicast(group)) {
    return error("it is no multicast address; those are 224.0.0.0/4 and ff00::/8");
  }
  if (group6 != ip6_ && !local_.wildcard()) {
    return error("the socket is bound to an address of the other IP version");
  }
  const UdpAddress address = to_socket_address(group, group6);
  group_req request{};
  request.gr_interface = interface;
  std::memcpy(&request.gr_group, &address.storage, sizeof request.gr_group);
  const int option = join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
  if (::setsockopt(fd_, group6 ? IPPROTO_IPV6 : IPPROTO_IP, option, &request, sizeof request) == 0)
    return true;
  if (join && errno == EADDRINUSE) return false;
  return error(std::string(std::strerror(errno)) + remedy(errno));
}

Result<bool> UdpSocket::join(const Endpoint& group, std::uint32_t interface) {
  return membership(true, group, interface);
}

Result<void> UdpSocket::leave(const Endpoint& group, std::uint32_t interface) {
  if (auto left = membership(false, group, interface); !left) return Error{left.error()};
  return {};
}

// A socket of IPv6 sends to groups of IPv4 as well, so both are set where there are both.
Result<void> UdpSocket::set_option(int option4, int option6, int value, const char* what) {
  const bool done6 = !ip6_ || ::setsockopt(fd_, IPPROTO_IPV6, option6, &value, sizeof value) == 0;
  bool done4 = true;
  if (!ip6_ || local_.wildcard()) {
    ip_mreqn request{};
    request.imr_ifindex = value;
    const bool by_interface = option4 == IP_MULTICAST_IF;
    done4 = by_interface ? ::setsockopt(fd_, IPPROTO_IP, option4, &request, sizeof request) == 0
                         : ::setsockopt(fd_, IPPROTO_IP, option4, &value, sizeof value) == 0;
  }
  if (done4 && done6) return {};
  return Error{fmt::format("UDP {}: cannot set multicast {} to {}: {}{}", local_.text(), what,
                           value, std::strerror(errno), remedy(errno))};
}

Result<void> UdpSocket::set_multicast_hops(std::uint8_t hops) {
  return set_option(IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, hops, "hops");
}

Result<void> UdpSocket::set_multicast_interface(std::uint32_t interface) {
  return set_option(IP_MULTICAST_IF, IPV6_MULTICAST_IF, static_cast<int>(interface), "interface");
}

Result<void> UdpSocket::set_multicast_loop(bool loop) {
  return set_option(IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, loop ? 1 : 0, "loop");
}

}  // namespace keel::kernel
