// The wildcard filters as a trie of levels. A node knows its '+' child and the filters that end in
// or right below it; all other edges stand in one flat hash keyed by (node, level).
//
// Match cost: each node whose path fits a prefix of the topic is visited once, so at most the
// number of nodes in the trie and, with n levels, 2^n; the depth of the walk is that of the deepest
// filter.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "kernel/base/hash.hpp"
#include "kernel/router/flat_index.hpp"
#include "kernel/router/slab_arena.hpp"
#include "kernel/router/stored_text.hpp"
#include "kernel/router/subscription_table.hpp"

namespace keel::kernel {

class TrieNode {
 public:
  static std::size_t allocation(std::size_t text_size) {
    return stored_text::object_size(kHeader, text_size);
  }
  TrieNode(std::uint32_t parent_node, std::string_view level);
  ~TrieNode() { stored_text::destroy(place(), kHeader, text_size_); }
  TrieNode(const TrieNode&) = delete;
  TrieNode& operator=(const TrieNode&) = delete;

  std::string_view level() const { return stored_text::read(place(), kHeader, text_size_); }
  std::size_t heap_bytes() const { return stored_text::heap_size(kHeader, text_size_); }

  const std::uint32_t parent;            // 0: the root
  std::atomic<std::uint32_t> plus{0};    // the child for '+'
  std::atomic<std::uint32_t> deeper{0};  // the first entry of this path + "/#"
  std::atomic<std::uint32_t> here{0};    // the first entry of this path
  std::atomic<std::uint32_t> edges{0};   // other children

 private:
  static constexpr std::size_t kHeader = 24;
  char* place() { return reinterpret_cast<char*>(this) + kHeader; }
  const char* place() const { return reinterpret_cast<const char*>(this) + kHeader; }

  std::uint16_t text_size_;
};

class LevelTrie {
 public:
  LevelTrie(RetireList& retired, std::uint64_t seed);
  ~LevelTrie();

  // Calls fn(id) for the first entry of each filter that matches. [any]
  template <class Fn>
  void match(std::string_view topic, MatchScratch& scratch, Fn&& fn) const noexcept;

  // The rest is the writer's. Where a filter's entries hang, and the node that holds the place.
  struct Spot {
    std::uint32_t node = 0;  // 0: there is none
    std::atomic<std::uint32_t>* first = nullptr;
  };
  Spot find(std::string_view filter) { return walk(filter, false); }
  Spot make(std::string_view filter) { return walk(filter, true); }
  Spot spot(std::uint32_t node, std::string_view filter) const;
  // Unlinks and retires `node` and its ancestors as far as nothing hangs on them.
  void prune(std::uint32_t node);
  void free(std::uint32_t node);
  std::size_t bytes() const { return arena_.bytes() + heap_bytes_; }

 private:
  TrieNode& at(std::uint32_t id) const noexcept { return *static_cast<TrieNode*>(arena_.at(id)); }
  std::uint64_t hash_of(std::string_view level) const noexcept { return hash_bytes(level, seed_); }
  static std::uint32_t tag_of(std::uint32_t node, std::uint64_t level_hash) noexcept {
    return static_cast<std::uint32_t>(hash_mix(
        level_hash ^ (std::uint64_t{node} * 0x9e3779b97f4a7c15ULL), 0x8ebc6af09c88c6e3ULL));
  }
  std::uint32_t edge(std::uint32_t node, std::string_view level,
                     std::uint64_t hash) const noexcept {
    return edges_.find(tag_of(node, hash), [&](std::uint32_t id) {
      const TrieNode& child = at(id);
      return child.parent == node && child.level() == level;
    });
  }
  std::uint32_t create(std::uint32_t parent, std::string_view level);
  Spot walk(std::string_view filter, bool create_missing);
  bool split_to(std::uint32_t depth, std::string_view topic, MatchScratch& scratch) const noexcept;

  RetireList& retired_;
  const std::uint64_t seed_;
  SlabArena arena_;
  FlatIndex edges_;
  std::size_t heap_bytes_ = 0;
  std::uint32_t root_;
};

// Makes sure the topic's level `depth` is in the scratch; false: it has no such level.
inline bool LevelTrie::split_to(std::uint32_t depth, std::string_view topic,
                                MatchScratch& scratch) const noexcept {
  auto& levels = scratch.levels;
  while (levels.size() <= depth) {
    if (scratch.split > topic.size()) return false;
    std::size_t end = topic.find('/', scratch.split);
    if (end == std::string_view::npos) end = topic.size();
    const std::string_view level = topic.substr(scratch.split, end - scratch.split);
    levels.push_back({level, hash_of(level)});
    scratch.split = end + 1;
  }
  return true;
}

template <class Fn>
void LevelTrie::match(std::string_view topic, MatchScratch& scratch, Fn&& fn) const noexcept {
  scratch.levels.clear();
  scratch.stack.clear();
  scratch.split = 0;
  const bool dollar = topic.starts_with('$');
  scratch.stack.push_back({root_, 0});
  while (!scratch.stack.empty()) {
    const auto [id, depth] = scratch.stack.back();
    scratch.stack.pop_back();
    const TrieNode& node = at(id);
    const bool hidden = depth == 0 && dollar;
    if (const std::uint32_t entry = node.deeper.load(std::memory_order_acquire); entry && !hidden)
      fn(entry);
    const std::uint32_t plus = hidden ? 0 : node.plus.load(std::memory_order_acquire);
    const bool edges = node.edges.load(std::memory_order_acquire) != 0;
    const std::uint32_t here = node.here.load(std::memory_order_acquire);
    if ((plus == 0 && !edges && here == 0) || !split_to(depth, topic, scratch)) {
      if (here != 0) fn(here);
      continue;
    }
    if (plus != 0) scratch.stack.push_back({plus, depth + 1});
    if (!edges) continue;
    const auto& level = scratch.levels[depth];
    if (const std::uint32_t child = edge(id, level.text, level.hash))
      scratch.stack.push_back({child, depth + 1});
  }
}

}  // namespace keel::kernel
