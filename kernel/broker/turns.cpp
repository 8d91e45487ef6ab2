// The end of a shard's turn, and what follows when what it wrote down is safe.
#include <algorithm>

#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"
#include "kernel/durable/policy.hpp"
#include "kernel/durable/purge.hpp"

namespace keel::kernel {

Durability Broker::durability_for(std::string_view topic, const ListenerInfo* listener) const {
  return durability_of(settings_->durability, topic,
                       listener ? listener->settings.durability : Durability::inherit);
}

Reason Broker::store_refuses(std::uint8_t qos, bool retain) const {
  if (!recorder_.on()) return Reason::success;
  const StoreCondition condition = realm_.journal.condition();
  if (condition < StoreCondition::lower || qos == 0) return Reason::success;
  if (condition == StoreCondition::failing) return Reason::implementation_specific_error;
  return condition == StoreCondition::full || retain ? Reason::quota_exceeded : Reason::success;
}

void Broker::record(Session& session, Publication& publication, Delivery& delivery) {
  const std::string group =
      delivery.shared() ? realm_.subscriptions.text(delivery.extra->group) : std::string();
  recorder_.queue(session, publication, delivery, group, row_clock());
}

void Broker::end_turn() {
  recorder_.end_turn(write_transit());
  flush_remote();  // behind it: what other shards make of it must not be on disk before
  give_receipts();
  if (disk_is_behind(settings_->durability.max_backlog)) hold();
}

// What is sent to another shard has to be durable there: until it is, a row of this shard stands
// for it, so that one commit here is all that an acknowledgement waits for.
void Broker::note_transit(RemoteBatch& batch, const Target& target) {
  RemoteBatch::Item& item = batch.items.back();
  if (item.transit == 0) {
    item.transit = recorder_.new_transit();
    recorder_.note_elsewhere();
  }
  if (target.flags & Target::kShared) {
    if (!item.groups) item.groups = std::make_unique<std::vector<FilterId>>();
    item.groups->push_back(target.group);
  } else {
    item.plain = true;
  }
  if (realm_.journal.condition() >= StoreCondition::low) batch.origin = this;
}

std::uint32_t Broker::write_transit() {
  std::uint32_t receipts = 0;
  for (std::uint32_t shard = 0; shard < outgoing_.size(); ++shard) {
    if (!outgoing_[shard]) continue;
    for (const RemoteBatch::Item& item : outgoing_[shard]->items) {
      if (item.transit == 0) continue;
      TransitRow row{shard,
                     static_cast<std::uint32_t>(realm_.brokers.size()),
                     realm_.home_seed.load(std::memory_order_relaxed),
                     item.plain,
                     {}};
      if (item.groups)
        for (const FilterId group : *item.groups)
          row.groups.push_back(realm_.subscriptions.text(group));
      recorder_.transit(item.transit, row, item.message->view(), row_clock());
    }
    if (!outgoing_[shard]->origin) continue;
    outgoing_[shard]->turn = recorder_.turn();
    ++receipts;
  }
  return receipts;
}

void Broker::committed(std::uint64_t ticket) {
  committed_.store(ticket, std::memory_order_release);
  if (!commit_posted_.exchange(true, std::memory_order_acq_rel))
    shard_.post([this] { commits_seen(); });
}

void Broker::commits_seen() {
  commit_posted_.store(false, std::memory_order_release);
  if (recorder_.committed(committed_.load(std::memory_order_acquire))) turns_safe();
}

void Broker::turns_safe() {
  give_receipts();
  release_gates();
  recorder_.forget_refused();
  const auto due = std::find_if(purges_.begin(), purges_.end(), [this](const Purge& purge) {
    return purge.turn > recorder_.safe();
  });
  for (auto purge = purges_.begin(); purge != due; ++purge)
    purge_queue(realm_.journal, purge->store_id);
  purges_.erase(purges_.begin(), due);
  read_waiting_tails();
}

void Broker::release_gates() {
  releasing_.swap(gated_);
  for (std::size_t i = 0; i < releasing_.size(); ++i)
    if (Connection* const connection = releasing_[i]; connection && connection->release_gate())
      gated_.push_back(connection);
  releasing_.clear();
}

void Broker::forget_gated(Connection& connection) {
  std::erase(gated_, &connection);
  std::replace(releasing_.begin(), releasing_.end(), &connection,
               static_cast<Connection*>(nullptr));
}

// Another shard waits for what it sent here to be safe.
void Broker::owe_receipt(Broker& origin, std::uint64_t turn) {
  owed_.push_back({&origin, turn, recorder_.pending_turn(), take_store_refused()});
}

void Broker::give_receipts() {
  const auto first = std::find_if(owed_.begin(), owed_.end(), [this](const Receipt& receipt) {
    return receipt.own_turn > recorder_.safe();
  });
  for (auto receipt = owed_.begin(); receipt != first; ++receipt)
    receipt->origin->shard().post(
        [origin = receipt->origin, turn = receipt->turn, refused = receipt->refused] {
          origin->received(turn, refused);
        });
  owed_.erase(owed_.begin(), first);
}

void Broker::received(std::uint64_t turn, bool refused) {
  if (refused) recorder_.note_refused(turn);
  if (recorder_.received(turn)) turns_safe();
}

}  // namespace keel::kernel
