#include "kernel/net/udp_socket.hpp"

#include <linux/sock_diag.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernel/base/log.hpp"
#include "kernel/net/udp_buffers.hpp"

namespace keel::kernel {
namespace {

// Where a datagram came to: what its header says, and the address of ours to answer from (another
// one for a group's or a broadcast).
struct Destination {
  Endpoint header, source;
};

std::optional<Destination> destination_of(msghdr& header, std::uint16_t port) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      return Destination{Endpoint::ip4(&info.ipi_addr, port),
                         Endpoint::ip4(&info.ipi_spec_dst, port)};
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      put_interface(info.ipi6_addr, info.ipi6_ifindex);
      const Endpoint to = Endpoint::ip6(&info.ipi6_addr, port);
      return Destination{to, to};
    }
  }
  return std::nullopt;
}

bool usable_source(const Endpoint& source) {
  return source.family != Endpoint::Family::none && !is_multicast(source) &&
         !is_unspecified(source);
}

// The control message that chooses the address a datagram leaves from.
struct SourceChoice {
  void choose(const Endpoint& source, bool ip6, msghdr& header) {
    header.msg_control = room;
    header.msg_controllen = ip6 ? CMSG_SPACE(sizeof(in6_pktinfo)) : CMSG_SPACE(sizeof(in_pktinfo));
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = ip6 ? IPPROTO_IPV6 : IPPROTO_IP;
    c->cmsg_type = ip6 ? IPV6_PKTINFO : IP_PKTINFO;
    if (ip6) {
      in6_pktinfo info{};
      info.ipi6_addr = mapped_address(source);
      info.ipi6_ifindex = take_interface(info.ipi6_addr);
      c->cmsg_len = CMSG_LEN(sizeof info);
      std::memcpy(CMSG_DATA(c), &info, sizeof info);
    } else {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, source.bytes.data(), 4);
      c->cmsg_len = CMSG_LEN(sizeof info);
      std::memcpy(CMSG_DATA(c), &info, sizeof info);
    }
  }
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
};

SendOutcome outcome_of(int error) {
  if (error == EAGAIN || error == ENOBUFS || error == ENOMEM) return SendOutcome::full;
  return error == EMSGSIZE ? SendOutcome::too_large : SendOutcome::failed;
}

}  // namespace

UdpSocket::UdpSocket(Shard& shard, int fd, DatagramHandler& handler, Options options)
    : shard_(shard),
      fd_(fd),
      ip6_(options.address.endpoint.family == Endpoint::Family::ip6),
      handler_(&handler),
      max_datagram_(std::clamp<std::size_t>(options.max_datagram, 1, kLargest)),
      local_(bound_address(fd, options.address)),
      paths_(options.address.wildcard() ? std::make_unique<ReturnPaths>() : nullptr) {}

UdpSocket::~UdpSocket() {
  close();
  if (gone_) *gone_ = true;
}

bool UdpSocket::open() {
  if (reading_ || fd_ < 0) return reading_;
  reading_ = shard_.poller().add(fd_, EPOLLIN, *this);
  if (!reading_) {
    KEEL_LOG(error, "UDP {}: not read: {}; raise fs.epoll.max_user_watches", local_.text(),
             std::strerror(errno));
  }
  return reading_;
}

// Out of the set altogether: errors would be reported on and on otherwise.
void UdpSocket::pause() {
  if (std::exchange(reading_, false)) shard_.poller().remove(fd_, *this);
}

void UdpSocket::close() {
  pause();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  buffers_.reset();
}

void UdpSocket::on_events(std::uint32_t) {
  bool gone = false;
  gone_ = &gone;
  for (std::size_t i = 0; i < kBatchesPerEvent; ++i) {
    const bool more = receive_batch();
    if (gone) return;
    if (!more || !reading_) break;
  }
  gone_ = nullptr;
}

// False: nothing more is there, or the socket is gone.
bool UdpSocket::receive_batch() {
  // Held here, so that the datagrams outlive a socket destroyed by its handler.
  auto buffers = buffers_ ? std::move(buffers_) : std::make_unique<Buffers>(max_datagram_);
  const int got = ::recvmmsg(fd_, buffers->headers(), kBatch, MSG_DONTWAIT, nullptr);
  if (got <= 0) {
    buffers_ = std::move(buffers);
    if (got == 0 || errno == EAGAIN || errno == EINTR) return false;
    stats_.errors.add();  // an ICMP message about something sent earlier: taken note of, it is gone
    return true;
  }
  const auto count = static_cast<std::size_t>(got);
  const std::span<const Datagram> datagrams = take_batch(*buffers, count);
  const bool* const gone = gone_;
  if (!datagrams.empty()) handler_->on_datagrams(datagrams);
  if (*gone) return false;
  buffers->rearm(count);
  if (fd_ >= 0) buffers_ = std::move(buffers);
  return count == kBatch;
}

std::span<const Datagram> UdpSocket::take_batch(Buffers& buffers, std::size_t count) {
  std::size_t taken = 0;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    msghdr& header = buffers.header(i);
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      stats_.dropped_in.add();
      KEEL_LOG(notice, "UDP {}: datagram of {} dropped: larger than {} bytes", local_.text(),
               buffers.peer(i).text(), max_datagram_);
      continue;
    }
    Datagram& datagram = buffers.datagrams()[taken++];
    datagram = {buffers.peer(i), local_.endpoint, buffers.bytes(i), nullptr};
    size += datagram.bytes.size();
    if (!paths_) continue;
    if (const auto to = destination_of(header, local_.endpoint.port)) {
      datagram.local = to->header;
      if (usable_source(to->source)) paths_->note(datagram.peer, to->source);
    }
  }
  stats_.datagrams_in.add(taken);
  stats_.bytes_in.add(size);
  return {buffers.datagrams().data(), taken};
}

SendOutcome UdpSocket::send(const Endpoint& peer, Bytes bytes, const Endpoint* from) {
  const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  return send(peer, &piece, 1, from);
}

SendOutcome UdpSocket::send(const Endpoint& peer, const iovec* pieces, std::size_t n,
                            const Endpoint* from) {
  const UdpAddress to = to_socket_address(peer, ip6_);
  if (fd_ < 0 || to.size == 0) {
    stats_.dropped_out.add();
    return SendOutcome::failed;
  }
  msghdr header{};
  header.msg_name = const_cast<sockaddr*>(to.get());
  header.msg_namelen = to.size;
  header.msg_iov = const_cast<iovec*>(pieces);
  header.msg_iovlen = n;
  SourceChoice choice;
  if (paths_) {
    const std::optional<Endpoint> noted = from ? std::nullopt : paths_->find(peer);
    const Endpoint* const source = from ? from : noted ? &*noted : nullptr;
    // Groups leave by the interface chosen for them.
    if (source && usable_source(*source) && !is_multicast(peer)) {
      choice.choose(*source, ip6_, header);
    }
  }
  ssize_t sent = ::sendmsg(fd_, &header, MSG_NOSIGNAL);
  if (sent < 0 && header.msg_controllen != 0 &&
      (errno == EINVAL || errno == EADDRNOTAVAIL || errno == ENODEV || errno == ENETUNREACH)) {
    header.msg_control = nullptr;  // the address is not ours any more
    header.msg_controllen = 0;
    sent = ::sendmsg(fd_, &header, MSG_NOSIGNAL);
  }
  return count_out(sent);
}

SendOutcome UdpSocket::count_out(long sent) {
  if (sent < 0) {
    const SendOutcome outcome = outcome_of(errno);
    stats_.dropped_out.add();
    return outcome;
  }
  stats_.datagrams_out.add();
  stats_.bytes_out.add(static_cast<std::uint64_t>(sent));
  return SendOutcome::sent;
}

std::uint64_t UdpSocket::overflowed() const {
  std::uint32_t info[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof info;
  if (fd_ < 0 || ::getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, info, &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace keel::kernel
