#include "kernel/broker/durable_state.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <utility>

#include "kernel/base/clock.hpp"
#include "kernel/base/log.hpp"
#include "kernel/broker/broker.hpp"
#include "kernel/broker/recovery.hpp"
#include "kernel/durable/policy.hpp"

namespace keel::kernel {

namespace {

constexpr std::size_t kRetainedAtOnce = 1'000;
constexpr int kFetchRounds = 200;
constexpr std::int64_t kFetchPauseMs = 10;
constexpr std::chrono::seconds kAnswerTime{2};

void put_retained(Batch& batch, const Message& message) {
  const MessageView view = message.view();
  const std::size_t size = message_row_size(view);
  char* const at = batch.room(size);
  write_message_row(at, view, RowClock::now());
  batch.put_made(Space::retained, view.topic, {at, size});
}

}  // namespace

DurableState::DurableState(Realm& realm, std::function<void(Task)> post, After after_ms)
    : realm_(realm), post_(std::move(post)), after_ms_(std::move(after_ms)) {
  realm_.journal.on_commit([this](std::uint64_t ticket) { on_commit(ticket); });
}

DurableState::~DurableState() { realm_.journal.on_commit({}); }

void DurableState::on_commit(std::uint64_t ticket) {
  for (Broker* const broker : realm_.brokers) broker->committed(ticket);
  if (also_) also_(ticket);
}

void DurableState::on_shards(std::function<void(Broker&)> task, std::function<void()> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(realm_.brokers.size());
  auto shared = std::make_shared<std::function<void(Broker&)>>(std::move(task));
  auto after = std::make_shared<std::function<void()>>(std::move(done));
  for (Broker* const broker : realm_.brokers)
    broker->shard().post([this, broker, left, shared, after] {
      (*shared)(*broker);
      if (left->fetch_sub(1) == 1) post_([after] { (*after)(); });
    });
}

void DurableState::store_ready(StorePort& store, Done done) {
  realm_.recovering = true;
  realm_.journal.attach(store);
  watch_retained();
  const std::int64_t began = monotonic_ms();
  const bool had_retained = realm_.retained.count() != 0;
  recovery_ = std::make_shared<Recovery>(
      realm_, post_, left_, store.incomplete(),
      [this, began, had_retained, done](Result<std::uint64_t> opened) {
        const Recovery::Counts counts = recovery_->counts();
        transits_ = recovery_->take_transits();
        recovery_.reset();
        if (!opened) {
          realm_.retained.observe({});
          realm_.journal.abandon();
          realm_.recovering = false;
          return done(Error{opened.error()});
        }
        switch_on(*opened, [this, began, had_retained, counts, done] {
          if (had_retained) keep_retained();
          realm_.recovering = false;
          left_ = false;
          recovery_ms_ = monotonic_ms() - began;
          KEEL_LOG(notice,
                   "the store is in use: {} sessions, {} subscriptions, {} retained messages were "
                   "read in {} ms",
                   counts.sessions, counts.subscriptions, counts.retained, recovery_ms_);
          done({});
        });
      });
  recovery_->start();
}

// First all shards write down what changes, then what was read is let loose: a will that is due now
// reaches sessions that are kept.
void DurableState::switch_on(std::uint64_t opened, std::function<void()> done) {
  auto shared = std::make_shared<std::uint64_t>(opened);
  on_shards([shared](Broker& broker) { broker.recorder().switch_on(shared); },
            [this, done] {
              on_shards([](Broker& broker) { broker.finish_restore(); },
                        [this, done] {
                          redeliver();
                          on_shards([](Broker&) {}, done);
                        });
            });
}

// What was on its way between shards goes on. The shard it was for erases its row, with what it
// makes of it; if homes are chosen otherwise now, its receivers are anywhere, and that shard comes
// last.
void DurableState::redeliver() {
  const std::size_t shards = realm_.brokers.size();
  for (Recovery::Transit& transit : std::exchange(transits_, {})) {
    const auto shared = std::make_shared<const Recovery::Transit>(std::move(transit));
    const std::size_t owner = shared->row.shard % shards;
    const auto on = [&shared](Broker* broker, bool last) {
      broker->shard().post([broker, shared, last] {
        broker->redeliver(shared->number, shared->row, shared->message, last);
      });
    };
    if (shared->row.shards != shards || shared->row.seed != realm_.home_seed)
      for (std::size_t i = 0; i < shards; ++i)
        if (i != owner) on(realm_.brokers[i], false);
    on(realm_.brokers[owner], true);
  }
}

void DurableState::watch_retained() {
  realm_.retained.observe([this](std::string_view topic, const Message* message) {
    realm_.journal.common([&](Batch& batch) {
      // While the store is being read nobody has said yet what is asked of it.
      if (message && (message->durability() != Durability::none || realm_.recovering))
        put_retained(batch, *message);
      else
        batch.erase(Space::retained, topic);
    });
  });
}

// What there was before the store; what came out of it is written once more, too.
void DurableState::keep_retained() {
  const auto settings = realm_.settings();
  std::string after;
  std::vector<MessagePtr> some;
  for (bool done = false; !done;) {
    some.clear();
    done = realm_.retained.page(after, kRetainedAtOnce, some);
    realm_.journal.common([&](Batch& batch) {
      for (const MessagePtr& message : some)
        if (durability_of(settings->durability, message->topic(), Durability::inherit) !=
            Durability::none)
          put_retained(batch, *message);
    });
    realm_.journal.submit(nullptr);
  }
}

std::vector<std::string> DurableState::dependants(std::size_t max, std::size_t& count) {
  std::vector<std::string> names;
  count = 0;
  for (Broker* const broker : realm_.brokers) {
    auto answer =
        std::make_shared<std::promise<std::pair<std::uint64_t, std::vector<std::string>>>>();
    auto arrived = answer->get_future();
    broker->shard().post([broker, answer, max] {
      std::vector<std::string> found;
      const std::uint64_t kept = broker->kept_sessions(max, found);
      answer->set_value({kept, std::move(found)});
    });
    if (arrived.wait_for(kAnswerTime) != std::future_status::ready) continue;
    auto [kept, found] = arrived.get();
    count += kept;
    for (std::string& name : found)
      if (names.size() < max) names.push_back(std::move(name));
  }
  return names;
}

void DurableState::store_leaving(std::function<void()> done) {
  fetch_tails(kFetchRounds, [this, done] {
    realm_.retained.observe({});
    on_shards([](Broker& broker) { broker.leave_store(); },
              [this, done] {
                left_ = true;
                realm_.journal.submit(nullptr);
                realm_.journal.abandon();
                KEEL_LOG(warning,
                         "the store is unloaded: sessions, queues and retained messages are in "
                         "memory only from now on, where a restart loses them");
                done();
              });
  });
}

// Until no queue has a part that is in the store alone, or the limits are reached.
void DurableState::fetch_tails(int rounds, std::function<void()> done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(0);
  on_shards([left](Broker& broker) { left->fetch_add(broker.fetch_tails()); },
            [this, left, rounds, done] {
              if (left->load() == 0 || rounds == 0) return done();
              after_ms_(kFetchPauseMs, [this, rounds, done] { fetch_tails(rounds - 1, done); });
            });
}

void DurableState::store_stopping(std::function<void()> done) {
  on_shards([](Broker&) {},
            [this, done] {
              const std::uint64_t last = realm_.journal.submit(nullptr);
              wait_for(last, done);
            });
}

void DurableState::wait_for(std::uint64_t ticket, std::function<void()> done) {
  if (realm_.journal.state().safe >= ticket) return done();
  after_ms_(kFetchPauseMs, [this, ticket, done] { wait_for(ticket, done); });
}

void DurableState::store_paused() { realm_.journal.detach(); }

void DurableState::store_back(StorePort& store) {
  realm_.journal.attach(store);
  on_shards([](Broker& broker) { broker.store_is_back(); }, [] {});
}

void DurableState::tick() {
  if (realm_.journal.attached() && realm_.journal.common_waits()) realm_.journal.submit(nullptr);
}

}  // namespace keel::kernel
