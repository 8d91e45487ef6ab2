// How many holders recent messages have, so that a release seldom has to look into the store. Two
// generations: when the young one is full it becomes the old one, and what nobody asked for since
// the last time is forgotten. Of the thread that applies batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

namespace emqx_store {

class CountCache {
 public:
  // `entries`: how many are kept at most; 0: none.
  explicit CountCache(std::size_t entries) : generation_(entries / 2) {}

  // Null: not known. Valid until the next call. Keys are those of count_key().
  const std::uint32_t* find(const std::string& key) {
    if (const auto found = young_.find(key); found != young_.end()) return &found->second;
    const auto found = old_.find(key);
    if (found == old_.end()) return nullptr;
    const std::uint32_t count = found->second;
    old_.erase(found);
    put(key, count);
    return &young_.find(key)->second;
  }
  void put(const std::string& key, std::uint32_t count) {
    if (generation_ == 0 || key.size() > kLongest) return erase(key);
    if (const auto found = young_.find(key); found != young_.end()) {
      found->second = count;
      return;
    }
    if (young_.size() >= generation_) {
      old_ = std::move(young_);
      young_.clear();
    }
    old_.erase(key);
    young_.emplace(key, count);
  }
  void erase(const std::string& key) {
    young_.erase(key);
    old_.erase(key);
  }
  void clear() {
    young_.clear();
    old_.clear();
  }
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  static constexpr std::size_t kLongest = 64;  // longer keys would cost more than they bring
  std::size_t generation_;
  std::unordered_map<std::string, std::uint32_t> young_, old_;
};

}  // namespace emqx_store
