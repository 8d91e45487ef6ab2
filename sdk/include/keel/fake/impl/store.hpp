// What keel/fake/store.hpp declares: the table store, and the kernel's side of a store. See
// keel/fake/impl/fn.hpp.
#pragma once

#include <algorithm>

#include "keel/fake/impl/fn.hpp"
#include "keel/fake/store.hpp"

namespace keel::fake {

KEEL_FAKE_FN std::uint64_t StoreTable::store_submit(FakeBatch batch) {
  const Side side = store_side();
  if (!side.table) return 0;
  if (last_ticket_ == 0) {
    const Result<StoreInfo> info = store_info();
    last_ticket_ = info ? info->last_ticket : 0;
  }
  auto kept = std::make_shared<Batch>(Batch{++last_ticket_, std::move(batch), {}});
  kept->c = kept->batch.c(kept->ticket);
  const keel_store_batch* const c = &kept->c;
  {
    const std::lock_guard lock(store_mutex_);
    store_batches_.push_back(std::move(kept));
  }
  give(side, *c);
  return last_ticket_;
}

KEEL_FAKE_FN bool StoreTable::wait_committed(std::uint64_t ticket) {
  return wait_for([&] { return store_committed_ >= ticket; });
}

KEEL_FAKE_FN std::uint64_t StoreTable::committed() const {
  const std::lock_guard lock(store_mutex_);
  return store_committed_;
}

KEEL_FAKE_FN std::optional<FakeRows> StoreTable::store_read(const StoreQuery& query) {
  const Side side = store_side();
  if (!side.table) return std::nullopt;
  std::vector<keel_str> keys;
  for (const std::string& key : query.keys) keys.push_back(to_c(key));
  const keel_store_query c{sizeof c,
                           query.kind,
                           query.space,
                           {0, 0},
                           query.max_rows,
                           query.max_bytes,
                           to_c(query.from),
                           to_c(query.to),
                           keys.data(),
                           static_cast<std::uint32_t>(keys.size()),
                           0};
  std::uint64_t request = 0;
  {
    const std::lock_guard lock(store_mutex_);
    request = ++last_request_;
    store_answers_[request] = std::nullopt;
  }
  keel_status status = KEEL_OK;
  inside([&] { status = side.table->read(side.self, request, &c); });
  const bool answered =
      status == KEEL_OK && wait_for([&] { return store_answers_[request].has_value(); });
  const std::lock_guard lock(store_mutex_);
  std::optional<FakeRows> out;
  if (answered) out = std::move(store_answers_[request]);
  store_answers_.erase(request);
  return out;
}

KEEL_FAKE_FN Result<StoreInfo> StoreTable::store_info() {
  const Side side = store_side();
  if (!side.table) return Status::error("the plugin is no store");
  keel_store_info info{};
  info.size = sizeof info;
  const keel_status status = side.table->info(side.self, &info);
  if (status != KEEL_OK) return Status(status);
  return StoreInfo{info.last_ticket, (info.flags & KEEL_STORE_INCOMPLETE) != 0};
}

KEEL_FAKE_FN bool StoreTable::wait_condition(StoreCondition wanted) {
  return wait_for(
      [&] { return !store_conditions_.empty() && store_conditions_.back().condition == wanted; });
}

KEEL_FAKE_FN std::vector<FakeCondition> StoreTable::conditions() const {
  const std::lock_guard lock(store_mutex_);
  return store_conditions_;
}

KEEL_FAKE_FN std::vector<FakeSync> StoreTable::syncs() const {
  const std::lock_guard lock(store_mutex_);
  return store_syncs_;
}

KEEL_FAKE_FN void StoreTable::resubmit() {
  const Side side = store_side();
  if (!side.table) return;
  std::deque<std::shared_ptr<Batch>> waiting;
  {
    const std::lock_guard lock(store_mutex_);
    waiting = store_batches_;
  }
  for (const auto& batch : waiting) {
    if (batch->ticket > committed()) give(side, batch->c);
  }
}

KEEL_FAKE_FN const keel_ext_store& StoreTable::store_table() {
  static const keel_ext_store table{
      sizeof table,
      0,
      [](const keel_host* host, std::uint64_t ticket) -> keel_status {
        return of(host).report("store.committed", [&](StoreTable& self) {
          self.store_committed_ = std::max(self.store_committed_, ticket);
          auto& batches = self.store_batches_;
          while (!batches.empty() && batches.front()->ticket <= ticket) batches.pop_front();
          return KEEL_OK;
        });
      },
      [](const keel_host* host, std::uint64_t request, const keel_store_rows* rows) -> keel_status {
        return of(host).report("store.rows", [&](StoreTable& self) -> keel_status {
          const auto found = self.store_answers_.find(request);
          if (found == self.store_answers_.end() || found->second) return KEEL_E_NOENT;
          FakeRows& out = found->second.emplace();
          out.status = rows->status;
          out.more = rows->more != 0;
          out.counted = rows->counted;
          out.octets = rows->octets;
          for (std::uint32_t i = 0; i < rows->row_count; ++i)
            out.rows.emplace_back(view(rows->rows[i].key), view(rows->rows[i].value));
          return KEEL_OK;
        });
      },
      [](const keel_host* host, std::uint32_t condition, keel_str text) -> keel_status {
        return of(host).report("store.condition", [&](StoreTable& self) {
          self.store_conditions_.push_back(
              {static_cast<StoreCondition>(condition), std::string(view(text))});
          return KEEL_OK;
        });
      },
      [](const keel_host* host, std::uint64_t duration_ns,
         std::uint32_t operations) -> keel_status {
        return of(host).report("store.synced", [&](StoreTable& self) {
          self.store_syncs_.push_back({duration_ns, operations});
          return KEEL_OK;
        });
      }};
  return table;
}

KEEL_FAKE_FN void StoreTable::give(const Side& side, const keel_store_batch& batch) {
  inside([&] {
    if (side.table->submit(side.self, &batch) != KEEL_OK)
      static_cast<void>(misused("submit: KEEL_OK is the only answer"));
  });
}

}  // namespace keel::fake
