#include "kernel/plugin/plugin_listener.hpp"

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/parking.hpp"
#include "kernel/plugin/plugin_tls.hpp"

namespace keel::kernel {
namespace {

constexpr std::uint32_t kAnonymous = KEEL_TCP_ADMIT_ANONYMOUS | KEEL_TCP_REFUSE_ANONYMOUS;
constexpr std::uint32_t kFlags = KEEL_TCP_PROXY_PROTOCOL | kAnonymous;

ExtraListeners& extras(const Slot& slot) { return slot.runtime().listeners().extra(); }

keel_addr addr_of(const BindAddress& address) {
  keel_addr out = to_addr(address.endpoint);
  if (!address.unix_path.empty()) out.family = KEEL_ADDR_UNIX;
  return out;
}

// Everything but what TLS and the core add.
ExtraListener plan(const Slot& slot, const keel_tcp_listen_options& options) {
  ExtraListener plan;
  plan.settings.bind = view(options.address);
  plan.settings.name = options.name.size != 0
                           ? std::string(view(options.name))
                           : fmt::format("{}:{}", slot.name(), plan.settings.bind);
  plan.settings.proxy_protocol = (options.flags & KEEL_TCP_PROXY_PROTOCOL) != 0;
  if ((options.flags & kAnonymous) != 0)
    plan.settings.allow_anonymous = (options.flags & KEEL_TCP_ADMIT_ANONYMOUS) != 0;
  plan.settings.max_connections = options.max_connections;
  plan.settings.connect_rate = options.connect_rate;
  if (options.backlog != 0) plan.settings.backlog = options.backlog;
  plan.proto = options.proto.size != 0
                   ? std::string(view(options.proto))
                   : fmt::format("{}:{}", slot.name(), options.tls ? "ssl" : "tcp");
  plan.owner = slot.name();
  plan.send_timeout_ms = options.send_timeout_ms;
  return plan;
}

void add_core(ExtraListener& plan, const std::shared_ptr<ListenerCore>& core, bool psk) {
  plan.factory = [core](Link& link) { return std::make_unique<ConnectionEnd>(link, core); };
  if (psk)
    plan.tls_options.psk_lookup = [core](const std::string& identity) {
      return core->psk(identity);
    };
}

// A parked listener of the old version; null: there is none.
template <class Fits>
PluginListener* find_parked(const Slot& slot, const Fits& fits) {
  Parking* const parking = slot.runtime().parking;
  if (!parking) return nullptr;
  return static_cast<PluginListener*>(parking->find_if(
      ObjectKind::listener,
      [&](HostObject& object) { return fits(static_cast<PluginListener&>(object)); }));
}

keel_status adopt_listener(Slot& slot, PluginListener& parked, ExtraListener plan, bool psk,
                           const ListenerCallbacks& callbacks, keel_handle* out) {
  add_core(plan, parked.core(), psk);
  if (auto adopted = parked.change(std::move(plan)); !adopted)
    return fail(KEEL_E_IO, "tcp.listen: " + adopted.error());
  slot.runtime().parking->take(parked);
  *out = parked.handle();
  slot.adopt(parked);
  parked.assign(slot, callbacks);
  return KEEL_OK;
}

}  // namespace

keel_status open_plugin_listener(Slot& slot, const keel_tcp_listen_options& options,
                                 const ListenerCallbacks& given, keel_handle* out) {
  ListenerCallbacks callbacks = given;
  auto address =
      parse_bind(view(options.address), slot.runtime().realm().settings()->kernel.default_address);
  if (!address) return fail(KEEL_E_INVAL, "tcp.listen: " + address.error());
  if ((options.flags & ~kFlags) != 0)
    return fail(KEEL_E_INVAL, fmt::format("tcp.listen: unknown flags {}", options.flags));
  if ((options.flags & kAnonymous) == kAnonymous)
    return fail(KEEL_E_INVAL, "tcp.listen: anonymous clients cannot be both admitted and refused");
  ExtraListener wanted = plan(slot, options);
  if (options.tls) {
    auto tls = read_plugin_tls(slot, *options.tls);
    if (!tls) return fail(KEEL_E_INVAL, "tcp.listen: " + tls.error());
    if (options.tls->section.size != 0)
      wanted.settings.tls = tls->name;
    else
      wanted.tls = std::move(tls->settings);
    callbacks.psk_lookup = tls->psk_lookup;
    callbacks.psk_ctx = tls->psk_ctx;
  }
  const bool psk = callbacks.psk_lookup != nullptr;
  if (PluginListener* const parked =
          find_parked(slot, [&](const PluginListener& each) { return each.is_at(*address); }))
    return adopt_listener(slot, *parked, std::move(wanted), psk, callbacks, out);
  if (PluginListener* const namesake = find_parked(
          slot, [&](const PluginListener& each) { return each.name() == wanted.settings.name; })) {
    if (auto stepped = namesake->step_aside(); !stepped)
      return fail(KEEL_E_IO, "tcp.listen: " + stepped.error());
  }

  auto core = std::make_shared<ListenerCore>(slot.runtime().shard_count());
  add_core(wanted, core, psk);
  auto id = extras(slot).add(wanted);
  if (!id) return fail(KEEL_E_IO, "tcp.listen: " + id.error());
  auto listener =
      std::make_unique<PluginListener>(slot, *id, std::move(wanted), *address, std::move(core));
  PluginListener& added = *listener;
  added.assign(slot, callbacks);
  const keel_status status = slot.add(std::move(listener), out);
  if (status != KEEL_OK) extras(slot).remove(*id);
  return status;
}

PluginListener::PluginListener(Slot& slot, ListenerId id, ExtraListener plan, BindAddress asked,
                               std::shared_ptr<ListenerCore> core)
    : HostObject(slot, ObjectKind::listener, kControlThread),
      id_(id),
      plan_(std::move(plan)),
      asked_(std::move(asked)),
      bound_(extras(slot).bound(id).value_or(asked_)),
      core_(std::move(core)),
      local_(addr_of(bound_)) {}

bool PluginListener::is_at(const BindAddress& address) const {
  return address == asked_ || address == bound_;
}

Result<void> PluginListener::change(ExtraListener plan) {
  plan.settings.bind = plan_.settings.bind;  // the same address may be written in another way
  if (auto changed = extras(slot()).adopt(id_, plan); !changed) return changed;
  plan_ = std::move(plan);
  return {};
}

Result<void> PluginListener::step_aside() {
  ExtraListener renamed = plan_;
  renamed.settings.name += " (old)";
  return change(std::move(renamed));
}

void PluginListener::on_shards(void (*fn)(ListenerCore& core, std::uint32_t shard)) {
  Runtime& runtime = slot().runtime();
  for (std::uint32_t i = 0; i < runtime.shard_count(); ++i)
    runtime.thread(i).post([core = core_, i, fn] { fn(*core, i); });
}

void PluginListener::assign(Slot& slot, const ListenerCallbacks& callbacks) {
  Runtime& runtime = slot.runtime();
  for (std::uint32_t i = 0; i < runtime.shard_count(); ++i)
    runtime.thread(i).post(
        [core = core_, i, slot = &slot, callbacks] { core->assign(i, *slot, callbacks); });
}

void PluginListener::begin() {
  parked_ = false;
  on_shards([](ListenerCore& core, std::uint32_t shard) { core.live(shard); });
  extras(slot()).resume(id_);
}

bool PluginListener::park() {
  if (closed_) return false;
  extras(slot()).park(id_);
  on_shards([](ListenerCore& core, std::uint32_t shard) { core.hold(shard); });
  return parked_ = true;
}

// Waits for the shards: afterwards no link can turn to the slot any more.
void PluginListener::close() {
  closed_ = true;
  extras(slot()).remove(id_);
  on_shards([](ListenerCore& core, std::uint32_t shard) { core.end(shard); });
  slot().runtime().barrier([](HostThread&) {});
}

}  // namespace keel::kernel
