#include "emqx_store/run/readers.hpp"

#include <string>
#include <utility>

namespace emqx_store {

void Readers::start(std::uint32_t threads) {
  for (std::uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void Readers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Readers::ask(std::uint64_t request, keel::StoreQuery query) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= kMostWaiting) return false;
    waiting_.push_back({request, std::move(query)});
  }
  wake_.notify_one();
  return true;
}

std::uint64_t Readers::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void Readers::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Question question = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    answer(question);
    lock.lock();
  }
}

void Readers::answer(const Question& question) {
  const keel::StoreQuery& query = question.query;
  std::vector<keel_str> keys;
  keys.reserve(query.keys.size());
  for (const std::string& key : query.keys) keys.push_back(keel::to_c(key));
  keel_store_query c{};
  c.size = sizeof c;
  c.kind = query.kind;
  c.space = query.space;
  c.max_rows = query.max_rows;
  c.max_bytes = query.max_bytes;
  c.from = keel::to_c(query.from);
  c.to = keel::to_c(query.to);
  c.keys = keys.data();
  c.key_count = static_cast<std::uint32_t>(keys.size());

  Answer found;
  {
    const Gate::Visit engine(gate_);
    if (engine) {
      found = engine->read(c);
    } else {
      found.outcome = {Fault::io, "the store could not be opened again"};
    }
  }
  if (found.outcome.fault() == Fault::damaged) events_.damaged(found.outcome.text());
  events_.rows(question.request, found);
}

}  // namespace emqx_store
