#include "kernel/plugin/host_support.hpp"

#include "keel/ext/shard.h"
#include "kernel/base/log.hpp"
#include "kernel/plugin/parking.hpp"

namespace keel::kernel {

std::string& last_error_text() {
  static thread_local std::string text;
  return text;
}

std::string_view status_name(keel_status status) {
  static constexpr std::string_view kNames[] = {"ok",     "inval",       "state",  "noent",
                                                "exists", "stale",       "denied", "limit",
                                                "nomem",  "unsupported", "io",     "exception"};
  return status <= 0 && status > -static_cast<keel_status>(std::size(kNames))
             ? kNames[static_cast<std::size_t>(-status)]
             : "unknown status";
}

keel_status refuse_thread(Slot& slot, const char* function, const char* wanted) {
  KEEL_LOG(warning, "plugin={}: {} called on the wrong thread: it wants {}", slot.name(), function,
           wanted);
  return fail(KEEL_E_STATE, fmt::format("{}: wrong thread, it wants {}", function, wanted));
}

keel_status pick_thread(Slot& slot, std::uint32_t wanted, ControlAllowed control,
                        const char* function, std::uint32_t& out) {
  if (wanted == KEEL_SHARD_CURRENT) {
    const HostThread* const thread = HostThread::current();
    out = thread && !thread->control() ? thread->index() : 0;
    return KEEL_OK;
  }
  if (wanted == KEEL_SHARD_CONTROL && control == ControlAllowed::yes) {
    out = kControlThread;
    return KEEL_OK;
  }
  if (wanted >= slot.runtime().shard_count())
    return fail(KEEL_E_INVAL, fmt::format("{}: there is no shard {}; there are {}", function,
                                          wanted, slot.runtime().shard_count()));
  out = wanted;
  return KEEL_OK;
}

HostObject* find_parked(Slot& slot, keel_handle handle, ObjectKind kind, const char* function,
                        keel_status& status) {
  status = check_control(slot, function);
  if (status != KEEL_OK) return nullptr;
  Parking* const parking = slot.runtime().parking;
  HostObject* const object = parking ? parking->find(handle, kind) : nullptr;
  if (object && object->slot().name() == slot.name()) return object;
  status = fail(parking ? KEEL_E_STALE : KEEL_E_STATE,
                fmt::format("{}: {}", function,
                            parking ? "the earlier version left nothing of this handle"
                                    : "there is no upgrade under way"));
  return nullptr;
}

void adopt_parked(Slot& slot, HostObject& object) {
  slot.runtime().parking->take(object);
  slot.adopt(object);
}

keel_addr to_addr(const Endpoint& endpoint) {
  keel_addr addr{};
  switch (endpoint.family) {
    case Endpoint::Family::none:
      addr.family = KEEL_ADDR_NONE;
      break;
    case Endpoint::Family::unix_socket:
      addr.family = KEEL_ADDR_UNIX;
      break;
    case Endpoint::Family::ip4:
      addr.family = KEEL_ADDR_IP4;
      break;
    case Endpoint::Family::ip6:
      addr.family = KEEL_ADDR_IP6;
      break;
  }
  addr.port = endpoint.port;
  std::copy(endpoint.bytes.begin(), endpoint.bytes.end(), addr.bytes);
  return addr;
}

Endpoint to_endpoint(const keel_addr& addr) {
  if (addr.family == KEEL_ADDR_IP4) return Endpoint::ip4(addr.bytes, addr.port);
  if (addr.family == KEEL_ADDR_IP6) return Endpoint::ip6(addr.bytes, addr.port);
  Endpoint endpoint;
  if (addr.family == KEEL_ADDR_UNIX) endpoint.family = Endpoint::Family::unix_socket;
  return endpoint;
}

keel_verified to_verified(const PeerInfo::Verified& verified) {
  keel_verified out{};
  out.size = sizeof out;
  out.cn = str(verified.cn);
  out.san = str(verified.san);
  out.dn = str(verified.dn);
  out.psk_identity = str(verified.psk_identity);
  out.tls_version = str(verified.tls_version);
  out.cipher = str(verified.cipher);
  return out;
}

std::unique_ptr<const PeerInfo::Verified> copy_verified(const keel_verified* verified) {
  keel_verified from{};
  if (!read_struct(verified, offsetof(keel_verified, cipher) + sizeof from.cipher, from)) return {};
  auto copy = std::make_unique<PeerInfo::Verified>();
  copy->cn = view(from.cn);
  copy->san = view(from.san);
  copy->dn = view(from.dn);
  copy->psk_identity = view(from.psk_identity);
  copy->tls_version = view(from.tls_version);
  copy->cipher = view(from.cipher);
  return copy;
}

}  // namespace keel::kernel
