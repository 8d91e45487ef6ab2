// What keel/fake/kv.hpp declares: the table kv. See keel/fake/impl/fn.hpp.
#pragma once

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/kv.hpp"

namespace keel::fake {

KEEL_FAKE_FN void KvTable::commit_kv() {
  if (kv) kv->commit();
  finish_syncs();
  run();
}

KEEL_FAKE_FN void KvTable::finish_syncs() {
  for (const Sync& sync : syncs_waiting_) {
    queue(sync.shard, [this, sync] { sync.done(sync.ctx, cancelling() ? 1 : 0); });
  }
  syncs_waiting_.clear();
}

KEEL_FAKE_FN const keel_ext_kv& KvTable::kv_table() {
  static const keel_ext_kv table{
      sizeof table,
      0,
      [](const keel_host* host, keel_str key, keel_str value) -> keel_status {
        const auto status = of(host).writes(host, "kv.put", key, value.size);
        if (status == KEEL_OK) of(host).kv->rows[std::string(view(key))] = view(value);
        return status;
      },
      [](const keel_host* host, keel_str key) -> keel_status {
        const auto status = of(host).writes(host, "kv.erase", key, 0);
        if (status == KEEL_OK) of(host).kv->rows.erase(std::string(view(key)));
        return status;
      },
      [](const keel_host* host, keel_task_fn done, void* ctx, std::uint32_t shard) -> keel_status {
        return of(host).sync(host, done, ctx, shard);
      },
      [](const keel_host* host, keel_str prefix, keel_str after, std::uint32_t max,
         void (*row)(void* ctx, keel_str key, keel_str value), void* ctx) -> keel_status {
        return of(host).list(host, view(prefix), view(after), max, row, ctx);
      }};
  return table;
}

KEEL_FAKE_FN keel_status KvTable::begins(const keel_host* host, const char* function, On where) {
  if (const auto status = enter(instance(host), function, where)) return status;
  return kv ? KEEL_OK : fail(KEEL_E_NOENT, concat(function, ": no store is loaded"));
}

KEEL_FAKE_FN keel_status KvTable::writes(const keel_host* host, const char* function, keel_str key,
                                         std::size_t value) {
  if (const auto status = begins(host, function, On::any)) return status;
  if (key.size == 0 || key.size > 1024)
    return fail(KEEL_E_INVAL, concat(function, ": keys have 1 ... 1024 octets"));
  if (value > 16u << 20) return fail(KEEL_E_INVAL, concat(function, ": more than 16 MiB"));
  return KEEL_OK;
}

KEEL_FAKE_FN keel_status KvTable::sync(const keel_host* host, keel_task_fn done, void* ctx,
                                       std::uint32_t shard) {
  if (const auto status = begins(host, "kv.sync", On::any)) return status;
  shard = pick_shard(shard);
  if (shard != KEEL_SHARD_CONTROL && !is_shard(shard))
    return fail(KEEL_E_INVAL, "kv.sync: there is no such shard");
  syncs_waiting_.push_back({done, ctx, shard});
  if (kv_commits) {
    kv->commit();
    finish_syncs();
  }
  return KEEL_OK;
}

KEEL_FAKE_FN keel_status KvTable::list(const keel_host* host, std::string_view prefix,
                                       std::string_view after, std::uint32_t max,
                                       void (*row)(void*, keel_str, keel_str), void* ctx) {
  if (const auto status = begins(host, "kv.list", On::control)) return status;
  if (!kv_commits) return fail(KEEL_E_IO, "kv.list: the store did not answer");
  kv->commit();
  const auto& rows = kv->rows;
  auto at =
      after < prefix ? rows.lower_bound(std::string(prefix)) : rows.upper_bound(std::string(after));
  if (after.empty() && prefix.empty()) at = rows.begin();
  for (; max > 0 && at != rows.end() && at->first.starts_with(prefix); ++at, --max) {
    row(ctx, to_c(at->first), to_c(at->second));
  }
  return KEEL_OK;
}

}  // namespace keel::fake
