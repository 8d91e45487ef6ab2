#include "emqx_sn/forwarder.hpp"

#include <algorithm>

#include "emqx_sn/packet.hpp"

namespace sn {
namespace {

constexpr std::size_t kFixed = 3;  // length, type, control
constexpr std::uint8_t kRadius = 0x03;
constexpr char kType = static_cast<char>(Type::encapsulated);

}  // namespace

bool is_encapsulated(std::string_view datagram) {
  // Behind a first octet of 1 comes a long length.
  return datagram.size() >= 2 && datagram[0] != 1 && datagram[1] == kType;
}

bool unwrap(std::string_view datagram, Encapsulated& out) {
  if (!is_encapsulated(datagram)) return false;
  const std::size_t length = static_cast<std::uint8_t>(datagram[0]);
  if (length < kFixed || length >= datagram.size()) return false;
  out.radius = static_cast<std::uint8_t>(datagram[2]) & kRadius;
  out.node = datagram.substr(kFixed, length - kFixed);
  out.inner = datagram.substr(length);
  return !is_encapsulated(out.inner);
}

Wrapper wrap(std::string_view node, std::uint8_t radius) {
  node = node.substr(0, kMaxNodeId);
  Wrapper out{};
  out.size = static_cast<std::uint8_t>(kFixed + node.size());
  out.octets[0] = static_cast<char>(out.size);
  out.octets[1] = kType;
  out.octets[2] = static_cast<char>(radius & kRadius);
  std::copy(node.begin(), node.end(), out.octets + kFixed);
  return out;
}

}  // namespace sn
