// clients/1: who is connected. Questions go to the shards, answers come on the control thread.
#include <memory>
#include <vector>

#include "kernel/broker/broker.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kSlice = 256;

// One client, owned, for the way to the control thread.
struct Known {
  std::string client_id, username, listener, protocol;
  std::uint8_t version = 0;
  bool clean_start = true;
  bool has_password = false;
  std::uint32_t keep_alive_s = 0;
  Endpoint peer;
  std::unique_ptr<const PeerInfo::Verified> verified;  // null: nothing proved
};

Known copy(const ConnectionInfo& info) {
  return {std::string(info.client_id),
          std::string(info.username),
          std::string(info.listener),
          std::string(info.protocol),
          static_cast<std::uint8_t>(info.version),
          info.clean_start,
          info.has_password,
          info.keep_alive_s,
          info.endpoint,
          info.verified ? std::make_unique<const PeerInfo::Verified>(*info.verified) : nullptr};
}

// A question under way. Its last call is made once, however it ends. [control]
class Lookup {
 public:
  // The slot has begun a walk for it.
  Lookup(Slot& slot, keel_clients_fn fn, void* ctx) : slot_(slot), fn_(fn), ctx_(ctx) {}
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    if (fn_) show({}, 1);
  }

  bool revoked() const { return slot_.revoked(slot_.runtime().control_thread()); }
  Slot& slot() const { return slot_; }

  void show(const std::vector<Known>& known, std::int32_t last) {
    std::vector<keel_client> clients;
    std::vector<keel_verified> proved;
    clients.reserve(known.size());
    proved.reserve(known.size());  // clients point into it
    for (const Known& each : known) {
      keel_client& client = clients.emplace_back();
      client = {};
      client.size = sizeof client;
      client.version = each.version;
      client.clean_start = each.clean_start ? 1 : 0;
      client.client_id = str(each.client_id);
      client.username = str(each.username);
      client.has_username = each.username.empty() ? 0 : 1;
      client.has_password = each.has_password ? 1 : 0;
      client.listener = str(each.listener);
      client.protocol = str(each.protocol);
      client.peer = to_addr(each.peer);
      client.keep_alive_s = each.keep_alive_s;
      if (each.verified) client.verified = &proved.emplace_back(to_verified(*each.verified));
    }
    const keel_clients_fn fn = last ? std::exchange(fn_, nullptr) : fn_;
    call_plugin(slot_, CallSite::clients, [&] {
      fn(ctx_, clients.data(), static_cast<std::uint32_t>(clients.size()), last);
    });
    if (last) slot_.end_walk();
  }

 private:
  Slot& slot_;
  keel_clients_fn fn_;
  void* ctx_;
};
using LookupPtr = std::shared_ptr<Lookup>;

// Hands the lookup to the control thread for its next step.
template <class F>
void on_control(LookupPtr lookup, F fn) {
  Runtime& runtime = lookup->slot().runtime();
  runtime.control_thread().post([lookup = std::move(lookup), fn = std::move(fn)]() mutable {
    Slot& slot = lookup->slot();
    if (slot.active(slot.runtime().control_thread()) || lookup->revoked())
      return fn(std::move(lookup));
    // The plugin has not been started yet: as with posts, this waits until it is.
    auto* const step = new std::pair(std::move(lookup), std::move(fn));
    slot.post_done(
        kControlThread,
        [](void* ctx, std::int32_t) {
          const std::unique_ptr<std::pair<LookupPtr, F>> mine(
              static_cast<std::pair<LookupPtr, F>*>(ctx));
          mine->second(std::move(mine->first));
        },
        step);
  });
}

void each_slice(LookupPtr lookup, std::uint32_t shard, std::uint64_t cursor) {
  Runtime& runtime = lookup->slot().runtime();
  if (lookup->revoked() || shard == runtime.shard_count()) return lookup->show({}, 1);
  HostThread& thread = runtime.thread(shard);
  thread.post([lookup = std::move(lookup), &thread, shard, cursor]() mutable {
    std::vector<Known> known;
    const std::uint64_t next = thread.broker().each_connection(
        cursor, kSlice, [&known](const ConnectionInfo& info) { known.push_back(copy(info)); });
    on_control(std::move(lookup), [known = std::move(known), shard, next](LookupPtr mine) {
      if (!known.empty() && !mine->revoked()) mine->show(known, 0);
      each_slice(std::move(mine), next == 0 ? shard + 1 : shard, next);
    });
  });
}

keel_status clients_each(const keel_host* host, keel_clients_fn fn, void* ctx) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("clients.each");
  if (!fn) return fail(KEEL_E_INVAL, "clients.each: no function given");
  if (const keel_status bad = slot.begin_walk("clients.each")) return bad;
  on_control(std::make_shared<Lookup>(slot, fn, ctx),
             [](LookupPtr lookup) { each_slice(std::move(lookup), 0, 0); });
  return KEEL_OK;
}

keel_status clients_find(const keel_host* host, keel_str client_id, keel_clients_fn fn, void* ctx) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("clients.find");
  if (!fn || !client_id.data)
    return fail(KEEL_E_INVAL, "clients.find: a client id and a function are needed");
  if (const keel_status bad = slot.begin_walk("clients.find")) return bad;
  Runtime& runtime = slot.runtime();
  HostThread& thread = runtime.thread(runtime.realm().home(view(client_id)));
  thread.post([lookup = std::make_shared<Lookup>(slot, fn, ctx), &thread,
               id = std::string(view(client_id))]() mutable {
    std::vector<Known> known;
    thread.broker().show_connection(
        id, [&known](const ConnectionInfo& info) { known.push_back(copy(info)); });
    on_control(std::move(lookup), [known = std::move(known)](LookupPtr mine) {
      mine->revoked() ? mine->show({}, 1) : mine->show(known, 1);
    });
  });
  return KEEL_OK;
}

Reason to_reason(std::uint8_t given) {
  return given == 0 ? Reason::administrative_action : static_cast<Reason>(given);
}

keel_status clients_kick(const keel_host* host, keel_str client_id, std::uint8_t reason) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("clients.kick");
  if (!client_id.data) return fail(KEEL_E_INVAL, "clients.kick: a client id is needed");
  Runtime& runtime = slot.runtime();
  HostThread& thread = runtime.thread(runtime.realm().home(view(client_id)));
  const Reason why = to_reason(reason);
  thread.post([&thread, id = std::string(view(client_id)), why] {
    thread.broker().disconnect_client(id, why, "kicked");
  });
  return KEEL_OK;
}

// Who is connected under a name, some hundred connections at a turn.
void kick_slice(HostThread& thread, const std::string& username, Reason why, std::uint64_t cursor) {
  std::vector<std::string> ids;
  const std::uint64_t next =
      thread.broker().each_connection(cursor, kSlice, [&](const ConnectionInfo& info) {
        if (info.username == username) ids.emplace_back(info.client_id);
      });
  for (const std::string& id : ids) thread.broker().disconnect_client(id, why, "kicked");
  if (next == 0) return;
  thread.post([&thread, username, why, next] { kick_slice(thread, username, why, next); });
}

keel_status clients_kick_user(const keel_host* host, keel_str username, std::uint8_t reason) {
  Slot& slot = Slot::of(host);
  if (!slot.accepting()) return refuse_unloading("clients.kick_user");
  if (view(username).empty()) return fail(KEEL_E_INVAL, "clients.kick_user: a user name is needed");
  Runtime& runtime = slot.runtime();
  const Reason why = to_reason(reason);
  for (std::uint32_t i = 0; i < runtime.shard_count(); ++i) {
    HostThread& thread = runtime.thread(i);
    thread.post(
        [&thread, name = std::string(view(username)), why] { kick_slice(thread, name, why, 0); });
  }
  return KEEL_OK;
}

}  // namespace

const keel_ext_clients tables::clients = {.size = sizeof(keel_ext_clients),
                                          .reserved = 0,
                                          .find = clients_find,
                                          .kick = clients_kick,
                                          .each = clients_each,
                                          .kick_user = clients_kick_user};

}  // namespace keel::kernel
