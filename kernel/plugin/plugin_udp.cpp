#include "kernel/plugin/plugin_udp.hpp"

#include <unistd.h>

#include "kernel/base/log.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/parking.hpp"

namespace keel::kernel {
namespace {

constexpr std::chrono::seconds kShardTimeout{10};

// The old version's bind at this address; null: there is none, or none that will do, and then it is
// closed to make room.
PluginUdp* find_parked(Slot& slot, const UdpWish& wish) {
  Parking* const parking = slot.runtime().parking;
  if (!parking) return nullptr;
  auto* const found =
      static_cast<PluginUdp*>(parking->find_if(ObjectKind::udp, [&](HostObject& object) {
        const auto& bind = static_cast<PluginUdp&>(object);
        return !bind.gone() && bind.is_at(wish.address);
      }));
  const char* const differs = found ? found->differs(wish) : nullptr;
  if (!differs) return found;
  KEEL_LOG(
      notice,
      "plugin={}: the socket at {} is opened anew, since {} changed; what waits in the old one "
      "is lost",
      slot.name(), wish.address.text(), differs);
  parking->take(*found);
  found->slot().end_parked(*found);
  return nullptr;
}

}  // namespace

keel_status open_plugin_udp(Slot& slot, UdpWish wish, const UdpOwner& owner, keel_handle* out) {
  if (PluginUdp* const parked = find_parked(slot, wish)) {
    if (auto taken = parked->hand_over(std::move(wish), owner); !taken)
      return fail(KEEL_E_IO, "udp.bind: " + taken.error());
    slot.runtime().parking->take(*parked);
    *out = parked->handle();
    slot.adopt(*parked);
    return KEEL_OK;
  }
  auto bind = std::make_unique<PluginUdp>(slot, std::move(wish), owner);
  if (auto opened = bind->open(); !opened) return fail(KEEL_E_IO, "udp.bind: " + opened.error());
  return slot.add(std::move(bind), out);
}

PluginUdp::PluginUdp(Slot& slot, UdpWish wish, const UdpOwner& owner)
    : HostObject(slot, ObjectKind::udp, kEveryThread),
      wish_(std::move(wish)),
      owner_(owner),
      ends_(slot.runtime().shard_count()),
      askable_(std::make_shared<Askable>(ends_.size())) {}

PluginUdp::~PluginUdp() = default;

Result<void> PluginUdp::open() {
  std::shared_ptr<TlsContext> tls;
  if (wish_.tls) {
    auto loaded = load_tls(wish_, owner_);
    if (!loaded) return Error{loaded.error()};
    tls = std::move(*loaded);
  }
  const std::size_t count = wish_.per_shard ? ends_.size() : 1;
  auto fds = open_udp_sockets(wish_.address, wish_.socket, count);
  if (!fds) return Error{fds.error()};
  DtlsServer::Options dtls{.name = slot().name()};
  dtls.max_sessions = static_cast<std::uint32_t>((wish_.max_sessions + count - 1) / count);
  dtls.idle_timeout_ms = std::int64_t{wish_.idle_timeout_s} * 1000;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t shard = wish_.per_shard ? i : wish_.shard;
    ends_[shard] =
        std::make_shared<UdpEnd>(slot().runtime().shards().shard(static_cast<std::uint32_t>(shard)),
                                 (*fds)[i], UdpSocket::Options{.address = wish_.address});
    if (tls) ends_[shard]->use_dtls(tls, dtls);
    (*askable_)[shard] = ends_[shard];
    bound_ = ends_[shard]->socket().local();
  }
  local_ = to_addr(bound_.endpoint);
  return {};
}

// The context may outlive the bind: it asks whichever end there is on the shard of the handshake.
Result<std::shared_ptr<TlsContext>> PluginUdp::load_tls(const UdpWish& wish,
                                                        const UdpOwner& owner) const {
  TlsOptions options;
  options.datagram = true;
  if (owner.psk_lookup)
    options.psk_lookup = [askable = askable_](const std::string& identity) {
      const HostThread* const thread = HostThread::current();
      const auto end = thread && !thread->control() ? (*askable)[thread->index()].lock() : nullptr;
      return end ? end->psk(identity) : std::nullopt;
    };
  return TlsContext::load(wish.tls->name, wish.tls->settings, std::move(options));
}

// On every shard that has an end; those after one another come in that order.
template <class Fn>
void PluginUdp::on_shards(const Fn& fn) const {
  for (std::uint32_t i = 0; i < ends_.size(); ++i)
    if (ends_[i]) slot().runtime().thread(i).post([end = ends_[i], fn] { fn(*end); });
}

void PluginUdp::begin() {
  parked_ = false;
  owner_.handle = handle();
  on_shards([owner = owner_](UdpEnd& end) { end.live(owner); });
}

bool PluginUdp::park() {
  if (gone()) return false;
  on_shards([](UdpEnd& end) { end.hold(); });
  slot().runtime().barrier([](HostThread&) {});
  parked_ = true;
  return true;
}

void PluginUdp::close() {
  let_go();
  on_shards([](UdpEnd& end) { end.close(); });
  slot().runtime().barrier([](HostThread&) {});
}

bool PluginUdp::is_at(const BindAddress& address) const {
  return address == wish_.address || address == bound_;
}

const char* PluginUdp::differs(const UdpWish& wish) const {
  if (wish.per_shard != wish_.per_shard) return "PER_SHARD";
  if (wish.tls.has_value() != wish_.tls.has_value()) return "whether it is DTLS";
  if (!wish.per_shard && wish.shard != wish_.shard) return "its shard";
  if (wish.socket.broadcast != wish_.socket.broadcast) return "BROADCAST";
  if (wish.socket.rcvbuf != wish_.socket.rcvbuf) return "its recv_buffer";
  if (wish.tls && wish.max_sessions != wish_.max_sessions) return "max_sessions";
  if (wish.tls && wish.idle_timeout_s != wish_.idle_timeout_s) return "idle_timeout";
  return nullptr;
}

Result<void> PluginUdp::hand_over(UdpWish wish, const UdpOwner& owner) {
  if (wish.tls) {
    auto tls = load_tls(wish, owner);
    if (!tls) return Error{tls.error()};
    on_shards([context = *tls](UdpEnd& end) { end.set_context(context); });
  }
  wish.address = wish_.address;  // as the first version gave it
  wish_ = std::move(wish);
  owner_ = owner;
  return {};
}

Result<void> PluginUdp::reload_tls() {
  if (!wish_.tls) return Error{"the socket is plain UDP"};
  auto tls = load_tls(wish_, owner_);
  if (!tls) return Error{tls.error()};
  on_shards([context = *tls](UdpEnd& end) { end.set_context(context); });
  return {};
}

// One of the sockets: of several that joined a group, each would get every datagram.
Result<bool> PluginUdp::join(const Endpoint& group, std::uint32_t interface_index) {
  for (std::uint32_t i = 0; i < ends_.size(); ++i) {
    if (!ends_[i]) continue;
    Result<bool> joined = Error{"the shard does not answer"};
    static_cast<void>(slot().runtime().shards().run_on(
        i, [&](Shard&) { joined = ends_[i]->socket().join(group, interface_index); },
        kShardTimeout));
    return joined;
  }
  return Error{"the socket is closed"};
}

UdpEnd* PluginUdp::here() const {
  const HostThread* const thread = HostThread::current();
  return thread && !thread->control() ? ends_[thread->index()].get() : nullptr;
}

keel_udp_stats PluginUdp::stats() const {
  keel_udp_stats sum{};
  sum.size = sizeof sum;
  for (const auto& end : ends_)
    if (end) end->add_stats(sum);
  return sum;
}

}  // namespace keel::kernel
