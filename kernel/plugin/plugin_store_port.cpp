#include "kernel/plugin/plugin_store_port.hpp"

#include <utility>

#include "kernel/base/log.hpp"
#include "kernel/plugin/host_support.hpp"

namespace keel::kernel {
namespace {

keel_store_op to_op(const StoreOp& op) {
  keel_store_op out{};
  out.kind = static_cast<std::uint8_t>(op.kind);
  out.space = static_cast<std::uint8_t>(op.space);
  out.flags = op.once ? KEEL_STORE_ONCE : 0;
  out.count = op.count;
  out.key = str(op.key);
  out.value = str(op.value);
  return out;
}

StoreRows copy_rows(const keel_store_rows& rows) {
  StoreRows out;
  out.complete = rows.status == KEEL_OK;
  out.later = rows.status != KEEL_OK && rows.status != KEEL_E_NOENT;
  out.more = rows.more != 0;
  out.counted = rows.counted;
  out.octets = rows.octets;
  out.rows.reserve(rows.row_count);
  for (std::uint32_t i = 0; i < rows.row_count; ++i)
    out.rows.push_back(
        {std::string(view(rows.rows[i].key)), std::string(view(rows.rows[i].value))});
  return out;
}

keel_status refuse_within(const char* function) {
  return fail(KEEL_E_STATE,
              fmt::format("store.{}: called from within submit() or read()", function));
}

}  // namespace

Result<std::unique_ptr<PluginStorePort>> PluginStorePort::find(Slot& slot) {
  const auto* const table =
      static_cast<const keel_ext_plugin_store*>(slot.extension(KEEL_EXT_PLUGIN_STORE));
  if (!table) return std::unique_ptr<PluginStorePort>();
  if (table->size < sizeof *table || !table->info || !table->submit || !table->read)
    return Error{"its table " KEEL_EXT_PLUGIN_STORE " lacks info, submit or read"};
  return std::unique_ptr<PluginStorePort>(new PluginStorePort(slot, *table));
}

PluginStorePort::PluginStorePort(Slot& slot, const keel_ext_plugin_store& table)
    : slot_(slot), table_(table), journal_(slot.runtime().realm().journal) {}

// ---- to the plugin

Result<void> PluginStorePort::open() {
  keel_store_info info{};
  info.size = sizeof info;
  last_error_text().clear();
  const keel_status status = call_plugin(
      slot_, CallSite::store, [&] { return table_.info(slot_.plugin.self, &info); },
      KEEL_E_EXCEPTION);
  if (status != KEEL_OK) {
    const std::string why = slot_.last_error();
    return Error{fmt::format("info() of the store answered {} ({}): {}", status,
                             status_name(status), why.empty() ? "see the log" : why)};
  }
  last_ticket_ = info.last_ticket;
  incomplete_ = (info.flags & KEEL_STORE_INCOMPLETE) != 0;
  broken_ = false;
  const std::lock_guard lock(mutex_);
  opened_ = in_use_ = true;
  tell_condition();
  return {};
}

void PluginStorePort::set_aside() {
  const std::lock_guard lock(mutex_);
  in_use_ = false;
}

void PluginStorePort::forget_batches() {
  const std::lock_guard lock(mutex_);
  opened_ = in_use_ = has_condition_ = false;
  given_.clear();
  asked_.clear();
  abandoned_.clear();
}

void PluginStorePort::keep(std::vector<std::unique_ptr<Batch>> batches) {
  abandoned_ = std::move(batches);
}

const keel_store_batch& PluginStorePort::note(const Batch& batch) {
  Given given{};
  given.ops = std::make_unique_for_overwrite<keel_store_op[]>(batch.ops().size());
  std::uint32_t n = 0;
  for (const StoreOp& op : batch.ops()) given.ops[n++] = to_op(op);
  given.batch = {sizeof(keel_store_batch), n, given.ops.get(), batch.ticket, batch.bytes()};
  const std::lock_guard lock(mutex_);
  return given_.emplace_back(std::move(given)).batch;
}

void PluginStorePort::submit(const Batch& batch) {
  if (broken_) return;
  const std::uint64_t ticket = batch.ticket;
  // The store may commit it, and both be gone, before it returns.
  const keel_store_batch& given = note(batch);
  inside_ = std::this_thread::get_id();
  const keel_status status = call_plugin(
      slot_, CallSite::store, [&] { return table_.submit(slot_.plugin.self, &given); },
      KEEL_E_EXCEPTION);
  inside_ = std::thread::id();
  if (status != KEEL_OK) refused(ticket, status);
}

// It has lost a batch; what comes behind it must not be written. An upgrade or a restart begins
// anew with it.
void PluginStorePort::refused(std::uint64_t ticket, keel_status status) {
  broken_ = true;
  KEEL_LOG(error, "plugin={}: the store did not take batch {}: {}", slot_.name(), ticket,
           status_name(status));
  const std::lock_guard lock(mutex_);
  has_condition_ = true;
  condition_ = StoreCondition::failing;
  condition_text_ = fmt::format(
      "the plugin {0} did not take a batch ({1}), and gets no more; `ctl plugins upgrade {0} FILE` "
      "or a restart of the broker starts it again",
      slot_.name(), status_name(status));
  tell_condition();
}

void PluginStorePort::read(const StoreQuery& query, std::function<void(StoreRows)> done) {
  std::vector<keel_str> keys;
  keys.reserve(query.keys.size());
  for (const std::string_view key : query.keys) keys.push_back(str(key));
  keel_store_query asked{};
  asked.size = sizeof asked;
  asked.kind = static_cast<std::uint8_t>(query.kind);
  asked.space = static_cast<std::uint8_t>(query.space);
  asked.max_rows = query.max_rows;
  asked.max_bytes = query.max_bytes;
  asked.from = str(query.from);
  asked.to = str(query.to);
  asked.keys = keys.data();
  asked.key_count = static_cast<std::uint32_t>(keys.size());
  std::uint64_t request = 0;
  {
    const std::lock_guard lock(mutex_);
    request = ++last_request_;
    asked_.emplace(request, std::move(done));
  }
  inside_ = std::this_thread::get_id();
  const keel_status status = call_plugin(
      slot_, CallSite::store, [&] { return table_.read(slot_.plugin.self, request, &asked); },
      KEEL_E_EXCEPTION);
  inside_ = std::thread::id();
  if (status != KEEL_OK) unread(request);
}

// There will be no answer; it is given on another thread, as an answer would be.
void PluginStorePort::unread(std::uint64_t request) {
  std::function<void(StoreRows)> done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(request);
    if (found == asked_.end()) return;
    done = std::move(found->second);
    asked_.erase(found);
  }
  const auto answer = [done = std::move(done)] {
    StoreRows nothing;
    nothing.complete = false;
    nothing.later = true;
    done(std::move(nothing));
  };
  if (!slot_.runtime().workers().submit(answer)) slot_.runtime().control().post(answer);
}

// ---- from the plugin

keel_status PluginStorePort::committed(std::uint64_t ticket) {
  if (from_within()) return refuse_within("committed");
  {
    const std::lock_guard lock(mutex_);
    if (!opened_) return KEEL_OK;  // of an earlier life, which info() tells as well
    while (!given_.empty() && given_.front().batch.ticket <= ticket) given_.pop_front();
  }
  journal_.committed(ticket);
  return KEEL_OK;
}

keel_status PluginStorePort::rows(std::uint64_t request, const keel_store_rows& rows) {
  if (from_within()) return refuse_within("rows");
  std::function<void(StoreRows)> done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(request);
    if (found == asked_.end())
      return fail(KEEL_E_NOENT, "store.rows: nobody waits for this answer (any more)");
    done = std::move(found->second);
    asked_.erase(found);
  }
  done(copy_rows(rows));
  return KEEL_OK;
}

keel_status PluginStorePort::condition(StoreCondition condition, std::string text) {
  if (from_within()) return refuse_within("condition");
  if (broken_) return KEEL_OK;
  const std::lock_guard lock(mutex_);
  has_condition_ = true;
  condition_ = condition;
  condition_text_ = std::move(text);
  tell_condition();
  return KEEL_OK;
}

keel_status PluginStorePort::synced(std::uint64_t duration_ns, std::uint32_t operations) {
  if (from_within()) return refuse_within("synced");
  journal_.synced(duration_ns, operations);
  return KEEL_OK;
}

// Under the lock, so that the last one told is the last one said.
void PluginStorePort::tell_condition() {
  if (in_use_ && has_condition_) journal_.set_condition(condition_, condition_text_);
}

}  // namespace keel::kernel
