// kv/1: a plugin's own keys in the broker's store. They stand in Space::plugins behind the plugin's
// name and a zero, so that no plugin reaches another one's.
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "kernel/plugin/host_support.hpp"
#include "kernel/plugin/tables.hpp"

namespace keel::kernel {
namespace {

constexpr std::size_t kLongestKvKey = 1024;
constexpr std::size_t kLargestValue = std::size_t{16} << 20;
constexpr std::uint64_t kMostWaiting = std::uint64_t{64} << 20;  // octets not committed
constexpr std::uint32_t kPageRows = 1000;
constexpr std::uint32_t kPageBytes = 4u << 20;

std::string own_key(const Slot& slot, std::string_view key) {
  std::string out;
  out.reserve(slot.name().size() + 1 + key.size());
  return out.append(slot.name()).append(1, '\0').append(key);
}

keel_status check_store(Slot& slot, const char* function) {
  if (!slot.accepting()) return refuse_unloading(function);
  if (slot.store)
    return fail(KEEL_E_DENIED,
                fmt::format("{}: the store cannot keep anything in itself", function));
  if (!slot.runtime().realm().journal.attached())
    return fail(KEEL_E_NOENT, fmt::format("{}: no store is loaded", function));
  return KEEL_OK;
}

keel_status check_write(Slot& slot, const char* function, keel_str key) {
  if (const keel_status bad = check_store(slot, function)) return bad;
  if (key.size == 0 || key.size > kLongestKvKey)
    return fail(KEEL_E_INVAL, fmt::format("{}: a key has 1 ... {} octets, not {}", function,
                                          kLongestKvKey, key.size));
  const Journal& journal = slot.runtime().realm().journal;
  if (journal.backlog() > kMostWaiting)
    return fail(KEEL_E_LIMIT, fmt::format("{}: the store does not keep up: {} octets wait already",
                                          function, journal.backlog()));
  return KEEL_OK;
}

keel_status kv_put(const keel_host* host, keel_str key, keel_str value) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_write(slot, "kv.put", key)) return bad;
  if (value.size > kLargestValue)
    return fail(KEEL_E_INVAL, fmt::format("kv.put: a value has at most {} octets, not {}",
                                          kLargestValue, value.size));
  Journal& journal = slot.runtime().realm().journal;
  if (journal.condition() >= StoreCondition::full)
    return fail(KEEL_E_LIMIT, "kv.put: the store is full or fails; see ctl durability");
  const std::string full = own_key(slot, view(key));
  if (HostThread* const thread = HostThread::current()) {
    thread->kv.put(full, view(value));
    return KEEL_OK;
  }
  auto batch = std::make_unique<Batch>();
  batch->put(Space::plugins, full, view(value));
  journal.submit(std::move(batch));
  return KEEL_OK;
}

keel_status kv_erase(const keel_host* host, keel_str key) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_write(slot, "kv.erase", key)) return bad;
  const std::string full = own_key(slot, view(key));
  if (HostThread* const thread = HostThread::current()) {
    thread->kv.erase(full);
    return KEEL_OK;
  }
  auto batch = std::make_unique<Batch>();
  batch->erase(Space::plugins, full);
  slot.runtime().realm().journal.submit(std::move(batch));
  return KEEL_OK;
}

keel_status kv_sync(const keel_host* host, keel_task_fn done, void* ctx, std::uint32_t shard) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_store(slot, "kv.sync")) return bad;
  HostThread* const thread = HostThread::current();
  if (!thread) return refuse_thread(slot, "kv.sync", "a shard or the control thread");
  std::uint32_t target = 0;
  if (const keel_status bad = pick_thread(slot, shard, ControlAllowed::yes, "kv.sync", target))
    return bad;
  Task send;
  if (const keel_status bad = slot.prepare_post(target, CallSite::kv, done, ctx, send)) return bad;
  slot.runtime().commits().add(thread->kv.flush(), slot, std::move(send));
  return KEEL_OK;
}

// The keys of a list: from `from` (included) to `to` (not included).
struct Bounds {
  std::string from, to;
};

Bounds bounds_of(const Slot& slot, std::string_view prefix, std::string_view after) {
  Bounds out{own_key(slot, prefix), own_key(slot, prefix)};
  if (!after.empty() && after >= prefix) out.from = own_key(slot, after).append(1, '\0');
  // The first one that does not begin with the prefix; the zero behind the name ends the search.
  while (static_cast<unsigned char>(out.to.back()) == 0xff) out.to.pop_back();
  ++out.to.back();
  return out;
}

// One page, waited for. Nullopt: there was no answer in time; one that comes later meets nobody.
std::optional<StoreRows> read_page(Journal& journal, const StoreQuery& query,
                                   std::chrono::steady_clock::time_point deadline) {
  struct Answer {
    std::mutex mutex;
    std::condition_variable came;
    std::optional<StoreRows> rows;
  };
  const auto answer = std::make_shared<Answer>();
  journal.read(query, [answer](StoreRows rows) {
    const std::lock_guard lock(answer->mutex);
    answer->rows = std::move(rows);
    answer->came.notify_all();
  });
  std::unique_lock lock(answer->mutex);
  answer->came.wait_until(lock, deadline, [&] { return answer->rows.has_value(); });
  return std::move(answer->rows);
}

keel_status kv_list(const keel_host* host, keel_str prefix, keel_str after, std::uint32_t max,
                    void (*row)(void* ctx, keel_str key, keel_str value), void* ctx) {
  Slot& slot = Slot::of(host);
  if (const keel_status bad = check_control(slot, "kv.list")) return bad;
  if (const keel_status bad = check_store(slot, "kv.list")) return bad;
  if (!row) return fail(KEEL_E_INVAL, "kv.list: no function given");
  Runtime& runtime = slot.runtime();
  const auto deadline = std::chrono::steady_clock::now() + runtime.options().kv_timeout;
  if (!runtime.commits().wait(runtime.control_thread().kv.flush(), deadline))
    return fail(KEEL_E_IO, "kv.list: the store has not written what was to be written before");
  Bounds bounds = bounds_of(slot, view(prefix), view(after));
  const std::size_t own = slot.name().size() + 1;
  bool complete = true;
  for (bool more = max > 0; more;) {
    const auto page = read_page(runtime.realm().journal,
                                {.space = Space::plugins,
                                 .max_rows = std::min(max, kPageRows),
                                 .max_bytes = kPageBytes,
                                 .from = bounds.from,
                                 .to = bounds.to,
                                 .keys = {}},
                                deadline);
    if (!page) return fail(KEEL_E_IO, "kv.list: the store did not answer");
    for (const StoreRow& found : page->rows)
      call_plugin(slot, CallSite::kv, [&] {
        row(ctx, str(std::string_view(found.key).substr(own)), str(found.value));
      });
    complete = complete && page->complete;
    max -= static_cast<std::uint32_t>(page->rows.size());
    more = page->more && !page->rows.empty() && max > 0;
    if (more) bounds.from = page->rows.back().key + '\0';
  }
  return complete ? KEEL_OK : fail(KEEL_E_IO, "kv.list: the store could not read all of it");
}

}  // namespace

const keel_ext_kv tables::kv = {.size = sizeof(keel_ext_kv),
                                .reserved = 0,
                                .put = kv_put,
                                .erase = kv_erase,
                                .sync = kv_sync,
                                .list = kv_list};

}  // namespace keel::kernel
