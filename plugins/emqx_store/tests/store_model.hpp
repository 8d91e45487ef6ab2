// A store with random contents beside a model of it that remembers the state after each ticket, for
// tests of faults. Every row's value says which ticket wrote it, and of which key it is: a payload
// that was written otherwise, or not at all, is found.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "emqx_store/tests/store_harness.hpp"

namespace emqx_store_test {

class StoreModel {
 public:
  using State = std::map<std::pair<std::uint8_t, std::string>, std::string>;

  explicit StoreModel(std::uint64_t seed) : random_(seed) {}

  std::uint64_t next_ticket() const { return states_.rbegin()->first + 1; }
  const State& state(std::uint64_t ticket) const { return states_.at(ticket); }
  bool has(std::uint64_t ticket) const { return states_.contains(ticket); }
  // The store was found with this ticket as its last one: what came behind never was.
  void back_to(std::uint64_t ticket) {
    states_.erase(states_.upper_bound(ticket), states_.end());
    counts_ = past_counts_.at(ticket);
    past_counts_.erase(past_counts_.upper_bound(ticket), past_counts_.end());
  }

  // A batch of random operations, whose outcome the model knows.
  Batch next() {
    const std::uint64_t ticket = next_ticket();
    Batch batch(ticket);
    State state = states_.rbegin()->second;
    for (std::uint64_t n = 1 + below(8); n != 0; --n) add(batch, state, ticket);
    states_[ticket] = std::move(state);
    past_counts_[ticket] = counts_;
    if (states_.size() > kKept) {
      states_.erase(states_.begin());
      past_counts_.erase(past_counts_.begin());
    }
    return batch;
  }

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

 private:
  static constexpr std::size_t kKept = 400;
  static constexpr std::uint8_t kOnce = 3, kShared = 7;  // queue, messages

  std::string value(const std::string& key, std::uint64_t ticket) {
    const std::size_t size = below(20) == 0 ? 3000 + below(60'000) : below(300);
    std::string out = key + "@" + std::to_string(ticket) + ":";
    for (std::size_t i = out.size(); i < size; ++i) out.push_back(static_cast<char>(random_()));
    return out;
  }
  std::string any_key(const State& state, std::uint8_t space) {
    const auto begin = state.lower_bound({space, {}});
    const auto end = state.lower_bound({static_cast<std::uint8_t>(space + 1), {}});
    const auto size = std::distance(begin, end);
    if (size == 0) return {};
    return std::next(begin, static_cast<std::ptrdiff_t>(below(static_cast<std::uint64_t>(size))))
        ->first.second;
  }
  std::string new_key() { return "n" + std::to_string(1'000'000 + ++last_key_); }

  void add(Batch& batch, State& state, std::uint64_t ticket) {
    switch (below(10)) {
      case 0:
      case 1:
      case 2:
        return put_once(batch, state, ticket);
      case 3:
        return erase_once(batch, state);
      case 4:
        return hold(batch, state, ticket);
      case 5:
      case 6:
        return release(batch, state);
      case 7:
        return erase(batch, state);
      case 8:
        return below(8) == 0 ? erase_range(batch, state) : put(batch, state, ticket);
      default:
        return put(batch, state, ticket);
    }
  }
  void put(Batch& batch, State& state, std::uint64_t ticket) {
    const std::string key = "k" + std::to_string(below(200));
    const auto space = static_cast<std::uint8_t>(below(2) * 8 + 1);  // sessions or retained...
    state[{space, key}] = value(key, ticket);
    batch.put(space, key, state[{space, key}]);
  }
  void erase(Batch& batch, State& state) {
    const std::string key = "k" + std::to_string(below(200));
    state.erase({1, key});
    batch.erase(1, key);
  }
  void put_once(Batch& batch, State& state, std::uint64_t ticket) {
    const std::string key = new_key();
    state[{kOnce, key}] = value(key, ticket);
    batch.put(kOnce, key, state[{kOnce, key}]);
  }
  void erase_once(Batch& batch, State& state) {
    const std::string key = any_key(state, kOnce);
    if (key.empty()) return;
    state.erase({kOnce, key});
    batch.erase_once(kOnce, key);
  }
  void erase_range(Batch& batch, State& state) {
    const std::string from = any_key(state, kOnce);
    if (from.empty()) return;
    const std::string to = from + "~";
    const std::string far = below(2) == 0 ? to : "n" + std::to_string(1'000'000 + last_key_ / 2);
    const std::string end = std::max(to, far);
    state.erase(state.lower_bound({kOnce, from}), state.lower_bound({kOnce, end}));
    batch.erase_range(kOnce, from, end);
  }
  void hold(Batch& batch, State& state, std::uint64_t ticket) {
    const std::string key = new_key();
    counts_[key] = static_cast<std::uint32_t>(1 + below(4));
    state[{kShared, key}] = value(key, ticket);
    batch.hold(kShared, key, state[{kShared, key}], counts_[key]);
  }
  void release(Batch& batch, State& state) {
    const std::string key = any_key(state, kShared);
    if (key.empty()) return;
    batch.release(kShared, key);
    if (--counts_[key] != 0) return;
    counts_.erase(key);
    state.erase({kShared, key});
  }

  using Counts = std::map<std::string, std::uint32_t>;
  std::mt19937_64 random_;
  std::map<std::uint64_t, State> states_{{0, {}}};
  std::map<std::uint64_t, Counts> past_counts_{{0, {}}};
  Counts counts_;
  std::uint64_t last_key_ = 0;
};

inline StoreModel::State state_of(const Engine& engine) {
  StoreModel::State out;
  for (std::uint8_t space = 0; space < KEEL_STORE_SPACES; ++space) {
    for (auto& [key, value] : all(engine, space)) out[{space, key}] = value;
  }
  return out;
}

// Of two states what makes them differ, for messages; nothing: they are the same.
inline std::string difference(const StoreModel::State& found, const StoreModel::State& expected) {
  const auto name = [](const auto& row) {
    return std::to_string(row.first.first) + "/" + row.first.second;
  };
  std::string out;
  for (const auto& row : found) {
    const auto other = expected.find(row.first);
    if (other == expected.end()) out += "not expected " + name(row) + "; ";
    if (other != expected.end() && other->second != row.second) out += "other " + name(row) + "; ";
  }
  for (const auto& row : expected) {
    if (!found.contains(row.first)) out += "missing " + name(row) + "; ";
  }
  return out.substr(0, 400);
}

}  // namespace emqx_store_test
