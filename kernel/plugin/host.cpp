// The host that each plugin gets: its tables by id, the text of the last error.
#include <algorithm>
#include <string_view>

#include "kernel/base/log.hpp"
#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

struct Named {
  std::string_view id;
  const void* table;
};

constexpr Named kTables[] = {
    {KEEL_EXT_LOG, &tables::log},         {KEEL_EXT_CLOCK, &tables::clock},
    {KEEL_EXT_CONFIG, &tables::config},   {KEEL_EXT_SHARD, &tables::shard},
    {KEEL_EXT_TIMER, &tables::timer},     {KEEL_EXT_FD, &tables::fd},
    {KEEL_EXT_UDP, &tables::udp},         {KEEL_EXT_TCP, &tables::tcp},
    {KEEL_EXT_STREAM, &tables::stream},   {KEEL_EXT_MESSAGE, &tables::message},
    {KEEL_EXT_BROKER, &tables::broker},   {KEEL_EXT_SESSION, &tables::session},
    {KEEL_EXT_HOOKS, &tables::hooks},     {KEEL_EXT_AUTH, &tables::auth},
    {KEEL_EXT_CLIENTS, &tables::clients}, {KEEL_EXT_CTL, &tables::ctl},
    {KEEL_EXT_METRICS, &tables::metrics}, {KEEL_EXT_WORKER, &tables::worker},
    {KEEL_EXT_STATE, &tables::state},     {KEEL_EXT_SERVICES, &tables::services},
    {KEEL_EXT_KV, &tables::kv},           {KEEL_EXT_STORE, &tables::store},
};

const void* get_extension(const keel_host*, const char* id) {
  if (!id) return nullptr;
  const auto* const found = std::ranges::find(kTables, std::string_view(id), &Named::id);
  return found != std::end(kTables) ? found->table : nullptr;
}

void last_error(const keel_host*, keel_sink out) { put(out, last_error_text()); }

void report_exception(const keel_host* host, keel_str text) {
  const HostThread* const thread = HostThread::current();
  Slot::of(host).note_exception(
      thread ? thread->inside.site.load(std::memory_order_relaxed) : CallSite::none, view(text));
}

}  // namespace

const keel_host& host_template() {
  static constexpr keel_host host{.size = sizeof(keel_host),
                                  .abi_minor = KEEL_ABI_MINOR,
                                  .impl = nullptr,
                                  .get_extension = get_extension,
                                  .last_error = last_error,
                                  .report_exception = report_exception};
  return host;
}

}  // namespace keel::kernel
