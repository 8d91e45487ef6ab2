#include "kernel/broker/recovery.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernel/base/clock.hpp"
#include "kernel/base/log.hpp"
#include "kernel/base/utf8.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/number_search.hpp"
#include "kernel/durable/purge.hpp"

namespace keel::kernel {

namespace {

constexpr std::uint32_t kRows = 4'096;
constexpr std::uint32_t kBytes = 4 * 1024 * 1024;

// Openings that damage may hide, should it hide any: far more than there can have been since what
// is found was written.
constexpr std::uint64_t kMostHidden = 1'000;

// In this order: a session is known before what belongs to it.
constexpr std::array kSpaces{Space::sessions, Space::subscriptions, Space::sent,
                             Space::released, Space::awaiting,      Space::purge,
                             Space::transit,  Space::retained};

}  // namespace

Recovery::Recovery(Realm& realm, std::function<void(Task)> post, bool outdated, bool incomplete,
                   Done done)
    : realm_(realm),
      post_(std::move(post)),
      outdated_(outdated),
      incomplete_(incomplete),
      done_(std::move(done)),
      shares_(realm.brokers.size()) {}

void Recovery::start() {
  StoreQuery query;
  query.space = Space::meta;
  realm_.journal.read(query, [self = shared_from_this()](StoreRows rows) {
    self->post_(
        [self, rows = std::make_shared<StoreRows>(std::move(rows))] { self->meta_arrived(*rows); });
  });
}

void Recovery::meta_arrived(const StoreRows& rows) {
  if (rows.later) return done_(Error{"the store could not be read: see its own messages"});
  if (!rows.complete)
    return done_(
        Error{"the store is damaged where it begins: start again, which sets aside what is "
              "damaged"});
  std::optional<std::uint64_t> seed;
  for (const StoreRow& row : rows.rows) {
    const auto number = read_number(row.value);
    if (!number) return done_(Error{"the store's entry '" + row.key + "' is damaged"});
    if (row.key == kOpenedKey) opened_ = *number;
    if (row.key == kSeedKey) seed = *number;
    if (row.key == kFormatKey && *number > kStoreFormat)
      return done_(Error{fmt::format(
          "the store was written by a newer version (format {}, this one reads up to {}): use that "
          "version, or another directory",
          *number, kStoreFormat)});
  }
  if (seed && realm_.sessions == 0) realm_.home_seed = *seed;
  auto batch = std::make_unique<Batch>();
  batch->put(Space::meta, kFormatKey, write_number(kStoreFormat));
  batch->put(Space::meta, kSeedKey, write_number(realm_.home_seed));
  if (outdated_) {
    for (const Space space : kSpaces) batch->erase_range(space, {"\0", 1}, "\xff");
    batch->erase_range(Space::queue, {"\0", 1}, "\xff");
    batch->erase_range(Space::messages, {"\0", 1}, "\xff");
    step_ = kSpaces.size();
  }
  realm_.journal.submit(std::move(batch));
  go_on();
}

void Recovery::go_on() {
  if (step_ == kSpaces.size()) return finish();
  StoreQuery query;
  query.space = kSpaces[step_];
  query.max_rows = kRows;
  query.max_bytes = kBytes;
  query.from = from_;
  realm_.journal.read(query, [self = shared_from_this()](StoreRows rows) {
    self->post_([self, rows = std::make_shared<StoreRows>(std::move(rows))]() mutable {
      self->page_arrived(std::move(*rows));
    });
  });
}

void Recovery::page_arrived(StoreRows rows) {
  if (!rows.complete) ++counts_.damaged;
  if (rows.later) return done_(Error{"the store could not be read: see its own messages"});
  for (const StoreRow& row : rows.rows) take(row);
  if (rows.more && !rows.rows.empty()) {
    from_ = rows.rows.back().key + '\0';
  } else {
    from_.clear();
    ++step_;
  }
  to_shards();
}

void Recovery::take(const StoreRow& row) {
  std::uint64_t store_id = 0, sequence = 0;
  std::uint16_t packet_id = 0;
  std::string_view text;
  Telling told;
  switch (kSpaces[step_]) {
    case Space::sessions:
      if (auto session = read_session_row(row.value)) {
        ++counts_.sessions;
        store_id = session->store_id;
        highest_ = std::max(highest_, store_id);
        shards_[store_id] = realm_.home(row.key);
        told = [key = row.key, session = std::move(*session)](Broker& broker) {
          broker.restore(key, session);
        };
      }
      break;
    case Space::subscriptions:
      if (const auto options = read_subscription_row(row.value);
          options && read_text_key(row.key, store_id, text)) {
        ++counts_.subscriptions;
        told = [store_id, filter = std::string(text), options = *options](Broker& broker) {
          broker.restore_subscription(store_id, filter, options);
        };
      }
      break;
    case Space::sent:
      if (row.value.size() == 2 && read_number_key(row.key, store_id, sequence)) {
        packet_id = load_be16(row.value.data());
        highest_ = std::max(highest_, sequence);
        told = [store_id, sequence, packet_id](Broker& broker) {
          broker.restore_sent(store_id, sequence, packet_id);
        };
      }
      break;
    case Space::released:
      if (read_id_key(row.key, store_id, packet_id))
        told = [store_id, packet_id](Broker& broker) {
          broker.restore_released(store_id, packet_id);
        };
      break;
    case Space::awaiting:
      if (read_id_key(row.key, store_id, packet_id))
        told = [store_id, packet_id](Broker& broker) {
          broker.restore_awaiting(store_id, packet_id);
        };
      break;
    case Space::purge:
      if (read_number_key(row.key, store_id)) purge_queue(realm_.journal, store_id);
      return;
    case Space::transit: {
      Transit transit;
      const auto found = read_transit_row(row.value, RowClock::now(), transit.message);
      if (!found || !read_number_key(row.key, transit.number)) break;
      transit.row = *found;
      transits_.push_back(std::move(transit));
      return;
    }
    default:
      return take_retained(row);
  }
  // What belongs to no session was left behind by none: its session's row is damaged.
  const auto known = shards_.find(store_id);
  if (!told || known == shards_.end()) {
    ++counts_.damaged;
    return;
  }
  shares_[known->second].push_back(std::move(told));
}

void Recovery::take_retained(const StoreRow& row) {
  const RowClock clock = RowClock::now();
  MessagePtr message = read_message_row(row.value, clock);
  if (!message || message->topic() != row.key) {
    ++counts_.damaged;
    return;
  }
  if (message->expired(clock.now_ms))
    return realm_.journal.common([&](Batch& batch) { batch.erase(Space::retained, row.key); });
  if (realm_.retained.restore(message)) ++counts_.retained;
}

// The next page is asked for when all shards have taken this one.
void Recovery::to_shards() {
  auto left = std::make_shared<std::atomic<std::size_t>>(1);
  const auto taken = [self = shared_from_this(), left] {
    if (left->fetch_sub(1) == 1) self->post_([self] { self->go_on(); });
  };
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (shares_[i].empty()) continue;
    left->fetch_add(1);
    realm_.brokers[i]->shard().post(
        [broker = realm_.brokers[i], share = std::exchange(shares_[i], {}), taken] {
          for (const Telling& told : share) told(*broker);
          taken();
        });
  }
  taken();
}

void Recovery::finish() {
  if (counts_.damaged != 0)
    KEEL_LOG(error,
             "the store: {} entries are damaged or belong to a session that is, and are left out",
             counts_.damaged);
  if (!outdated_ && (incomplete_ || counts_.damaged != 0)) return find_numbers();
  finish_opened();
}

// What was written the last time may say of an earlier time that it was the last one.
void Recovery::find_numbers() {
  std::vector<std::uint64_t> store_ids;
  for (const auto& [store_id, shard] : shards_) store_ids.push_back(store_id);
  const auto done = [self = shared_from_this()](Result<NumberSearch::Found> found) {
    self->post_([self, found] {
      if (!found) return self->done_(Error{found.error()});
      self->opened_ = std::max(self->opened_, Recorder::opening(found->highest));
      if (!found->all) self->opened_ += kMostHidden;
      self->finish_opened();
    });
  };
  std::make_shared<NumberSearch>(realm_.journal, highest_, std::move(store_ids), done)->start();
}

void Recovery::finish_opened() {
  realm_.journal.common(
      [this](Batch& batch) { batch.put(Space::meta, kOpenedKey, write_number(++opened_)); });
  realm_.journal.submit(nullptr);
  done_(opened_);
}

}  // namespace keel::kernel
