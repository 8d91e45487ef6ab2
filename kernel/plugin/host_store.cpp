// store/1: what the plugin that is the store reports. Answered as long as its code runs, also while
// it is being unloaded: what it commits then counts.
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/plugin_store_port.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

PluginStorePort* port_of(const keel_host* host, const char* function, keel_status& status) {
  Slot& slot = Slot::of(host);
  if (!slot.store)
    status = fail(KEEL_E_DENIED,
                  fmt::format("store.{}: the plugin '{}' is not a store", function, slot.name()));
  return slot.store.get();
}

keel_status store_committed(const keel_host* host, std::uint64_t ticket) {
  keel_status status = KEEL_OK;
  PluginStorePort* const port = port_of(host, "committed", status);
  return port ? port->committed(ticket) : status;
}

keel_status store_rows(const keel_host* host, std::uint64_t request, const keel_store_rows* rows) {
  keel_status status = KEEL_OK;
  PluginStorePort* const port = port_of(host, "rows", status);
  if (!port) return status;
  keel_store_rows read{};
  if (!read_struct(rows, offsetof(keel_store_rows, octets) + sizeof read.octets, read))
    return fail(KEEL_E_INVAL, "store.rows: no rows, or a struct that is too short");
  return port->rows(request, read);
}

keel_status store_condition(const keel_host* host, std::uint32_t condition, keel_str text) {
  keel_status status = KEEL_OK;
  PluginStorePort* const port = port_of(host, "condition", status);
  if (!port) return status;
  if (condition > KEEL_STORE_FAILING)
    return fail(KEEL_E_INVAL, fmt::format("store.condition: there is no condition {}", condition));
  return port->condition(static_cast<StoreCondition>(condition), std::string(view(text)));
}

keel_status store_synced(const keel_host* host, std::uint64_t duration_ns,
                         std::uint32_t operations) {
  keel_status status = KEEL_OK;
  PluginStorePort* const port = port_of(host, "synced", status);
  return port ? port->synced(duration_ns, operations) : status;
}

}  // namespace

const keel_ext_store tables::store = {.size = sizeof(keel_ext_store),
                                      .reserved = 0,
                                      .committed = store_committed,
                                      .rows = store_rows,
                                      .condition = store_condition,
                                      .synced = store_synced};

}  // namespace keel::kernel
