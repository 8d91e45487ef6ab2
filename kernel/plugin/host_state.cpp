// state/1 and services/1.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/services.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

keel_status state_dir(const keel_host* host, keel_sink out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "state.dir")) return bad;
  const std::string above = slot.runtime().options().data_dir + "/plugins";
  const std::string dir = above + "/" + slot.name();
  for (const std::string& each : {above, dir})
    if (::mkdir(each.c_str(), 0700) != 0 && errno != EEXIST)
      return fail(KEEL_E_IO,
                  fmt::format("state.dir: cannot make '{}': {}", each, std::strerror(errno)));
  put(out, dir);
  return KEEL_OK;
}

class ServiceObject final : public HostObject {
 public:
  ServiceObject(Slot& slot, std::string id)
      : HostObject(slot, ObjectKind::service, kControlThread), id_(std::move(id)) {}
  void revoke() override { slot().runtime().services().remove(id_); }

 private:
  const std::string id_;
};

constexpr std::size_t kLongestId = 64;

keel_status services_provide(const keel_host* host, const char* id, const void* table,
                             keel_handle* out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "services.provide")) return bad;
  const std::string name = id ? std::string(id, ::strnlen(id, kLongestId + 1)) : "";
  if (name.empty() || name.size() > kLongestId || !table || !out)
    return fail(KEEL_E_INVAL,
                "services.provide: an id of at most 64 bytes, a table and a result are needed");
  if (name.starts_with("keel."))
    return fail(KEEL_E_DENIED, "services.provide: ids that begin with 'keel.' are the kernel's");
  if (!slot.runtime().services().add(name, slot, table))
    return fail(KEEL_E_EXISTS, fmt::format("services.provide: somebody offers '{}' already", name));
  const keel_status added = slot.add(std::make_unique<ServiceObject>(slot, name), out);
  if (added != KEEL_OK) slot.runtime().services().remove(name);
  return added;
}

keel_status services_find(const keel_host* host, const char* id, const void** out) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "services.find")) return bad;
  Services::Offer* const offer = id ? slot.runtime().services().find(id) : nullptr;
  if (!offer || !out)
    return fail(KEEL_E_NOENT, fmt::format("services.find: no plugin offers '{}'", id ? id : ""));
  if (offer->provider != &slot) offer->users.push_back(&slot);
  *out = offer->table;
  return KEEL_OK;
}

keel_status services_release(const keel_host* host, const char* id) {
  Slot& slot = Slot::of(host);
  const HostThread* const thread = HostThread::current();
  if (!thread || !thread->control())
    return refuse_thread(slot, "services.release", "the control thread");
  Services::Offer* const offer = id ? slot.runtime().services().find(id) : nullptr;
  if (!offer) return fail(KEEL_E_NOENT, "services.release: there is no such service");
  const auto use = std::find(offer->users.begin(), offer->users.end(), &slot);
  if (use == offer->users.end())
    return fail(KEEL_E_NOENT, "services.release: it is not in use here");
  offer->users.erase(use);
  return KEEL_OK;
}

keel_status services_withdraw(const keel_host* host, keel_handle handle) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "services.withdraw")) return bad;
  keel_status status = KEEL_OK;
  auto* service =
      slot.find<ServiceObject>(handle, ObjectKind::service, status, "services.withdraw");
  if (!service) return status;
  if (const auto users = slot.runtime().services().users_of(slot); !users.empty())
    return fail(KEEL_E_STATE, fmt::format("services.withdraw: {} uses it", users.front()));
  service->revoke();
  slot.drop(*service);
  return KEEL_OK;
}

}  // namespace

const keel_ext_state tables::state = {
    .size = sizeof(keel_ext_state), .reserved = 0, .dir = state_dir};

const keel_ext_services tables::services = {.size = sizeof(keel_ext_services),
                                            .reserved = 0,
                                            .provide = services_provide,
                                            .find = services_find,
                                            .release = services_release,
                                            .withdraw = services_withdraw};

}  // namespace keel::kernel
