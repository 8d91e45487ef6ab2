#include "kernel/durable/journal.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// ---- batches in ---------------------------------------------------------------------------------

std::uint64_t Journal::submit(std::unique_ptr<Batch> batch) {
  if (batch && batch->empty()) batch.reset();
  std::uint64_t ticket = 0;
  bool known_safe = false;
  {
    const std::lock_guard order(order_);
    if (!attached()) batch.reset();
    const Batch* const own = batch.get();
    const Batch* shared = nullptr;
    {
      const std::lock_guard lock(mutex_);
      shared = common_.get();
      if (shared != nullptr) enqueue(std::move(common_));
      common_waits_.store(false, std::memory_order_relaxed);
      if (own != nullptr) enqueue(std::move(batch));
      ticket = last_ticket_;
      known_safe = ticket <= safe_;
    }
    if (store_ != nullptr && shared != nullptr) hand_over(*shared);
    if (store_ != nullptr && own != nullptr) hand_over(*own);
  }
  // Whoever waits from now on has missed the news.
  if (known_safe && ticket != 0) report_again();
  return ticket;
}

void Journal::enqueue(std::unique_ptr<Batch> batch) {
  batch->ticket = ++last_ticket_;
  waiting_ops_ += batch->ops().size();
  waiting_bytes_ += batch->bytes();
  waiting_memory_ += batch->memory();
  waiting_.push_back({std::move(batch), monotonic_ns()});
  count_backlog();
}

// From here on the store may commit it, and it may be gone.
void Journal::hand_over(const Batch& batch) {
  handed_over_.store(batch.ticket, std::memory_order_release);
  store_->submit(batch);
}

void Journal::common(FunctionRef<void(Batch&)> fill) {
  const std::lock_guard lock(mutex_);
  if (!attached()) return;
  if (!common_) common_ = std::make_unique<Batch>();
  fill(*common_);
  if (common_->empty()) common_.reset();
  common_waits_.store(common_ != nullptr, std::memory_order_relaxed);
}

// ---- news out -----------------------------------------------------------------------------------

void Journal::committed(std::uint64_t ticket) {
  Batches done;  // freed behind both locks: there may be many
  report(ticket, done);
}

void Journal::report(std::uint64_t ticket, Batches& done) {
  const std::lock_guard report(report_);
  std::uint64_t safe = 0;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t given = handed_over_.load(std::memory_order_acquire);
    if (!take_committed(std::min(ticket, given), done)) return;
    safe = safe_;
  }
  if (on_commit_) on_commit_(safe);
}

void Journal::on_commit(std::function<void(std::uint64_t)> fn) {
  const std::lock_guard report(report_);
  on_commit_ = std::move(fn);
}

void Journal::report_again() {
  const std::lock_guard report(report_);
  std::uint64_t safe = 0;
  {
    const std::lock_guard lock(mutex_);
    safe = safe_;
  }
  if (on_commit_) on_commit_(safe);
}

// True: safe_ has grown.
bool Journal::take_committed(std::uint64_t ticket, Batches& done) {
  while (!waiting_.empty() && waiting_.front().batch->ticket <= ticket) {
    Batch& batch = *waiting_.front().batch;
    waiting_ops_ -= batch.ops().size();
    waiting_bytes_ -= batch.bytes();
    waiting_memory_ -= batch.memory();
    done.push_back(std::move(waiting_.front().batch));
    waiting_.pop_front();
  }
  count_backlog();
  if (ticket <= safe_ || ticket < renumbered_to_) return false;
  safe_ = ticket;
  return true;
}

void Journal::count_backlog() { backlog_.store(waiting_memory_, std::memory_order_relaxed); }

void Journal::set_condition(StoreCondition condition, std::string text) {
  {
    const std::lock_guard lock(mutex_);
    text_ = text;
    condition_of_last_store_ = false;
    if (condition_.exchange(condition, std::memory_order_relaxed) == condition) return;
  }
  if (condition == StoreCondition::fine)
    KEEL_LOG(notice, "the store is fine again");
  else
    KEEL_LOG(warning, "the store: {}", text);
}

void Journal::synced(std::uint64_t duration_ns, std::uint32_t operations) {
  const std::uint64_t us = duration_ns / 1000;
  const std::lock_guard lock(mutex_);
  sync_us_.add(us);
  batch_.add(operations);
  sync_total_us_ += us;
  operations_ += operations;
  ++commits_;
}

// ---- stores come and go -------------------------------------------------------------------------

void Journal::attach(StorePort& store) {
  std::uint64_t applied = 0;
  {
    const std::lock_guard order(order_);
    applied = store.last_ticket();
    store_ = &store;
    for (const Batch* batch : adopt_tickets(applied)) hand_over(*batch);
  }
  committed(applied);
}

// Brings the tickets here and those of a new store together; answers what it has to be given.
std::vector<const Batch*> Journal::adopt_tickets(std::uint64_t applied) {
  const std::lock_guard lock(mutex_);
  if (attached() && applied < safe_) {
    KEEL_LOG(error,
             "the store has applied changes up to number {} only, but its predecessor had written "
             "them up to {}: is it another directory?",
             applied, safe_);
  }
  if (condition_of_last_store_) {
    condition_.store(StoreCondition::fine, std::memory_order_relaxed);
    text_.clear();
  }
  if (applied > last_ticket_) {
    last_ticket_ = applied;
    for (Waiting& waiting : waiting_) renumbered_to_ = waiting.batch->ticket = ++last_ticket_;
  }
  handed_over_.store(applied, std::memory_order_release);
  attached_.store(true, std::memory_order_release);
  std::vector<const Batch*> rest;
  for (const Waiting& waiting : waiting_)
    if (waiting.batch->ticket > applied) rest.push_back(waiting.batch.get());
  return rest;
}

void Journal::detach() {
  {
    const std::lock_guard order(order_);
    store_ = nullptr;
  }
  {
    const std::lock_guard lock(mutex_);
    condition_of_last_store_ = true;
  }
  reads_->close();
}

void Journal::abandon() {
  StorePort* left = nullptr;
  std::uint64_t last = 0;
  {
    const std::lock_guard order(order_);
    left = store_;
  }
  detach();
  {
    const std::lock_guard order(order_);
    const std::lock_guard lock(mutex_);
    attached_.store(false, std::memory_order_release);
    condition_.store(StoreCondition::fine, std::memory_order_relaxed);
    text_.clear();
    common_.reset();
    common_waits_.store(false, std::memory_order_relaxed);
    last = last_ticket_;
    handed_over_.store(last, std::memory_order_release);
  }
  Batches rest;
  report(last, rest);
  if (left != nullptr) left->keep(std::move(rest));
}

// ---- reads and figures --------------------------------------------------------------------------

void Journal::read(const StoreQuery& query, std::function<void(StoreRows)> done) {
  {
    const std::lock_guard order(order_);
    if (store_ != nullptr) {
      const std::uint64_t number = reads_->open(std::move(done));
      store_->read(query, [reads = reads_, number](StoreRows rows) {
        reads->answer(number, std::move(rows));
      });
      return;
    }
  }
  done(OpenReads::unread());
}

Journal::State Journal::state() const {
  State out;
  LatencyRecord sync_us, batch;
  {
    const std::lock_guard lock(mutex_);
    out.attached = attached();
    out.condition = condition();
    out.text = text_;
    out.submitted = last_ticket_;
    out.safe = safe_;
    out.waiting_batches = waiting_.size();
    out.waiting_ops = waiting_ops_;
    out.waiting_bytes = waiting_bytes_;
    if (!waiting_.empty())
      out.oldest_waiting_us = (monotonic_ns() - waiting_.front().since_ns) / 1000;
    out.commits = commits_;
    out.operations = operations_;
    out.sync_total_us = sync_total_us_;
    sync_us = sync_us_;
    batch = batch_;
  }
  out.sync_us = sync_us.summary();
  out.batch = batch.summary();
  return out;
}

}  // namespace keel::kernel
