// The part of a session's queue that is in the store alone: counted when somebody asks after a
// restart, read page by page when the client takes what stands before it.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/connection.hpp"

namespace keel::kernel {

namespace {

constexpr std::uint32_t kLeastRows = 32;
constexpr std::uint32_t kPageBytes = 1024 * 1024;
constexpr std::uint32_t kMostCounted = 1'000'000;

}  // namespace

struct Broker::PageRow {
  std::uint64_t sequence = 0;
  std::optional<ReadDelivery> delivery;  // none: damaged
};

// A page on its way. Parsed where it is read, so that the shard only has to take it.
struct Broker::Page {
  Subscriber subscriber;
  std::uint64_t number = 0;  // of the session
  // When it was asked for: the last row there was, whether all were on disk, the time.
  std::uint64_t last = 0;
  bool all_safe = false;
  RowClock clock{};
  std::vector<PageRow> rows;
  bool more = false, later = false;  // as StoreRows has them

  // Answers the keys of the messages that rows refer to.
  std::vector<std::string> parse(const StoreRows& found) {
    std::vector<std::string> shared;
    more = found.more;
    later = found.later;
    for (const StoreRow& row : found.rows) {
      std::uint64_t store_id = 0, sequence = 0;
      if (!read_number_key(row.key, store_id, sequence)) continue;
      rows.push_back({sequence, read_delivery_row(row.value, clock)});
      if (const auto& read = rows.back().delivery; read && read->row.message_id != 0)
        shared.push_back(number_key(read->row.message_id));
    }
    return shared;
  }
  void fill(const StoreRows& messages) {
    std::unordered_map<std::string_view, std::string_view> values;
    for (const StoreRow& row : messages.rows) values.emplace(row.key, row.value);
    for (PageRow& row : rows) {
      if (!row.delivery || row.delivery->row.message_id == 0) continue;
      if (const auto found = values.find(number_key(row.delivery->row.message_id));
          found != values.end())
        row.delivery->message = read_message_row(found->second, clock);
    }
    later = later || messages.later;
  }
};

Session* Broker::still(Subscriber subscriber, std::uint64_t number) const {
  Session* const session = sessions_.at(subscriber.slot());
  return session && session->number == number && session->stored ? session : nullptr;
}

void Broker::count_tail(Session& session) {
  if (session.stored->counting) return;
  session.stored->counting = true;
  const std::string from = number_key(session.stored->id), to = number_key(session.stored->id + 1);
  StoreQuery query;
  query.kind = StoreQuery::Kind::count;
  query.space = Space::queue;
  query.max_rows = kMostCounted;
  query.from = from;
  query.to = to;
  realm_.journal.read(query, [this, subscriber = session.self,
                              number = session.number](StoreRows rows) {
    shard_.post([this, subscriber, number, counted = rows.counted] {
      Session* const found = still(subscriber, number);
      if (!found || !found->stored->unknown) return;
      const auto all = static_cast<std::uint32_t>(std::min<std::uint64_t>(counted, kMostCounted));
      const std::uint32_t held = static_cast<std::uint32_t>(found->queue.size());
      const std::uint32_t tail = std::max(found->stored->tail, all > held ? all - held : 0);
      metrics().add(Gauge::queued_messages, std::int64_t{tail} - found->stored->tail);
      found->stored->tail = tail;
    });
  });
}

void Broker::read_tail(Session& session) {
  if (!session.stored || !session.stored->has_tail() || session.stored->reading) return;
  session.stored->reading = true;
  ask_for_page(session);
}

void Broker::ask_for_page(Session& session) {
  auto page = std::make_shared<Page>();
  page->subscriber = session.self;
  page->number = session.number;
  page->last = session.stored->last;
  page->all_safe = recorder_.pending_turn() == 0;
  page->clock = row_clock();
  const std::string from = number_key(session.stored->id, session.stored->loaded + 1);
  const std::string to = number_key(session.stored->id + 1);
  StoreQuery query;
  query.space = Space::queue;
  query.max_rows = std::max(settings_->durability.queue_window, kLeastRows);
  query.max_bytes = kPageBytes;
  query.from = from;
  query.to = to;
  realm_.journal.read(query, [this, page](const StoreRows& rows) {
    const std::vector<std::string> shared = page->parse(rows);
    const auto arrived = [this, page] { shard_.post([this, page] { page_arrived(*page); }); };
    if (shared.empty()) return arrived();
    const std::vector<std::string_view> keys(shared.begin(), shared.end());
    StoreQuery messages;
    messages.kind = StoreQuery::Kind::many;
    messages.space = Space::messages;
    messages.keys = keys;
    realm_.journal.read(messages, [page, arrived](const StoreRows& found) {
      page->fill(found);
      arrived();
    });
  });
}

void Broker::read_waiting_tails() {
  for (const Subscriber subscriber : std::exchange(tail_waits_, {}))
    if (Session* const session = sessions_.at(subscriber.slot())) read_tail(*session);
}

void Broker::page_arrived(Page& page) {
  Session* const session = still(page.subscriber, page.number);
  if (!session) return;
  Stored& stored = *session->stored;
  stored.reading = false;
  if (page.later) {
    // The store is being replaced, or its disk fails: the next one who asks tries again.
    tail_waits_.push_back(session->self);
    return;
  }
  for (PageRow& row : page.rows) take_row(*session, row);
  if (!page.more && page.all_safe) {  // there was no more then
    stored.loaded = std::max(stored.loaded, page.last);
    stored.unknown = false;
    give_up_unread(*session);
    stored.was_connected = false;
    if (!stored.has_tail()) {
      metrics().add(Gauge::queued_messages, -std::int64_t{stored.tail});
      stored.tail = 0;
    }
  } else if (!page.more && page.rows.empty()) {
    // What was not safe when the page was asked for may be by now.
    if (recorder_.pending_turn() == 0) return read_tail(*session);
    tail_waits_.push_back(session->self);
    return;
  }
  pump(*session);
}

// All that was in flight before a restart has been read by now. What a damaged store has no message
// for is over: nothing behind it would ever be sent.
void Broker::give_up_unread(Session& session) {
  if (const auto sent = std::exchange(session.stored->sent, {}))
    for (const auto& [sequence, packet_id] : *sent) {
      Delivery* const delivery = session.inflight.find(packet_id);
      if (!delivery || delivery->sequence != sequence || delivery->message ||
          delivery->state != Delivery::State::wait_pubrec)
        continue;
      if (session.connection) session.connection->mark_sent(*delivery);
      recorder_.settled(session, session.inflight.take(packet_id));
    }
}

void Broker::take_row(Session& session, PageRow& row) {
  Stored& stored = *session.stored;
  if (row.sequence <= stored.loaded) return;
  stored.loaded = row.sequence;
  stored.last = std::max(stored.last, stored.loaded);
  if (stored.tail != 0) {
    --stored.tail;
    metrics().add(Gauge::queued_messages, -1);
  }
  Delivery delivery;
  delivery.sequence = row.sequence;
  delivery.counted = row.delivery && row.delivery->row.message_id != 0;
  if (!row.delivery || !row.delivery->message) {
    std::string name;
    KEEL_LOG(error, "client={}: a message waiting for it is damaged in the store and is lost",
             printable(session.client_id, name));
    metrics().add(Metric::messages_dropped);
    return recorder_.settled(session, delivery);
  }
  const DeliveryRow& read = row.delivery->row;
  delivery.message = std::move(row.delivery->message);
  delivery.qos = read.qos;
  delivery.retain = read.retain;
  ParsedFilter group;
  const auto shared =
      read.shared_subscription && parse_filter(read.group, 0, 0, group) == FilterError::none
          ? realm_.subscriptions.id(group)
          : std::nullopt;
  set_subscription_ids(delivery, read.subscription_ids, shared.value_or(0), shared.has_value());
  // Of those that were in flight before a restart it is known under which packet ids.
  if (stored.sent) {
    const auto sent = std::find_if(stored.sent->begin(), stored.sent->end(), [&](const auto& each) {
      return each.first == delivery.sequence;
    });
    Delivery* const waiting =
        sent != stored.sent->end() ? session.inflight.find(sent->second) : nullptr;
    if (waiting && waiting->sequence == delivery.sequence && !waiting->message) {
      waiting->message = std::move(delivery.message);
      waiting->extra = std::move(delivery.extra);
      waiting->subscription_id = delivery.subscription_id;
      waiting->retain = delivery.retain;
      waiting->counted = delivery.counted;
      return;
    }
  }
  if (delivery.message->expired(shard_.now_ms())) {
    metrics().add(Metric::messages_expired);
    return recorder_.settled(session, delivery);
  }
  delivery.dup = stored.was_connected || delivery.sequence <= stored.sent_through;
  account_queue(1, static_cast<std::int64_t>(delivery.cost()));
  session.queue.push(std::move(delivery));
}

}  // namespace keel::kernel
