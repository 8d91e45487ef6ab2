#include "kernel/net/udp_buffers.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kSkew = 5 * kLine;

}  // namespace

UdpSocket::Buffers::Buffers(std::size_t max_datagram)
    : stride_((max_datagram + kLine - 1) / kLine * kLine + kSkew),
      room_(std::make_unique_for_overwrite<char[]>(stride_ * kBatch)) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors_[i] = {place(i), max_datagram};
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &from_[i];
    headers_[i].msg_hdr.msg_control = control_[i].data();
  }
  rearm(kBatch);
}

void UdpSocket::Buffers::rearm(std::size_t used) {
  for (std::size_t i = 0; i < used; ++i) {
    headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    headers_[i].msg_hdr.msg_controllen = kControl;
  }
}

}  // namespace keel::kernel
