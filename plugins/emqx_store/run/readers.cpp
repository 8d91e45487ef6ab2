#include "emqx_store/run/readers.hpp"

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

bool Readers::ask(std::uint64_t request, const keel_store_query& query) {
  Question question = copy(request, query);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= kMostWaiting) return false;
    waiting_.push_back(std::move(question));
  }
  wake_.notify_one();
  return true;
}

std::uint64_t Readers::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

// Keys are kept as places in `octets` until the question stands where it stays: see answer().
Readers::Question Readers::copy(std::uint64_t request, const keel_store_query& query) {
  Question out{.request = request, .query = query, .octets = {}, .keys = {}};
  const auto keep = [&](keel_str text) {
    if (text.size != 0) out.octets.append(text.data, text.size);
    return keel_str{nullptr, text.size};
  };
  out.query.from = keep(query.from);
  out.query.to = keep(query.to);
  out.keys.reserve(query.key_count);
  for (std::uint32_t i = 0; i < query.key_count; ++i) out.keys.push_back(keep(query.keys[i]));
  return out;
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

void Readers::answer(Question& question) {
  const char* at = question.octets.data();
  const auto place = [&](keel_str& text) {
    text.data = at;
    at += text.size;
  };
  place(question.query.from);
  place(question.query.to);
  for (keel_str& key : question.keys) place(key);
  question.query.keys = question.keys.data();

  Answer found;
  {
    const Gate::Visit engine(gate_);
    if (engine) {
      found = engine->read(question.query);
    } else {
      found.outcome = {Fault::io, "the store could not be opened again"};
    }
  }
  events_.rows(question.request, found);
}

}  // namespace emqx_store
