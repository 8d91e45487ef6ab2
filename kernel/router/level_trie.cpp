#include "kernel/router/level_trie.hpp"

#include <algorithm>
#include <new>

namespace keel::kernel {

TrieNode::TrieNode(std::uint32_t parent_node, std::string_view level)
    : parent(parent_node), text_size_(static_cast<std::uint16_t>(level.size())) {
  static_assert(sizeof(TrieNode) <= kHeader, "the text stands right behind the members");
  stored_text::write(place(), kHeader, level, {});
}

LevelTrie::LevelTrie(RetireList& retired, std::uint64_t seed)
    : retired_(retired), seed_(seed), edges_(retired), root_(create(0, {})) {}

LevelTrie::~LevelTrie() {
  // Only long level texts lie outside the arena; the slots that hold no node have none.
  for (std::uint32_t id = arena_.slot_from(0); id != 0; id = arena_.slot_from(id + 1))
    at(id).~TrieNode();
}

std::uint32_t LevelTrie::create(std::uint32_t parent, std::string_view level) {
  const std::uint32_t id = arena_.allocate(TrieNode::allocation(level.size()));
  heap_bytes_ += (new (arena_.at(id)) TrieNode(parent, level))->heap_bytes();
  return id;
}

void LevelTrie::free(std::uint32_t id) {
  heap_bytes_ -= at(id).heap_bytes();
  at(id).~TrieNode();
  arena_.free(id);
}

LevelTrie::Spot LevelTrie::spot(std::uint32_t node, std::string_view filter) const {
  return {node, filter.ends_with('#') ? &at(node).deeper : &at(node).here};
}

LevelTrie::Spot LevelTrie::walk(std::string_view filter, bool create_missing) {
  std::uint32_t id = root_;
  for (std::size_t begin = 0; begin <= filter.size();) {
    const std::size_t end = std::min(filter.find('/', begin), filter.size());
    const std::string_view level = filter.substr(begin, end - begin);
    begin = end + 1;
    if (level == "#") break;
    TrieNode& node = at(id);
    const bool plus = level == "+";
    const std::uint64_t hash = plus ? 0 : hash_of(level);
    std::uint32_t child = plus ? node.plus.load(std::memory_order_relaxed) : edge(id, level, hash);
    if (child == 0) {
      if (!create_missing) return {};
      child = create(id, level);
      if (plus) {
        node.plus.store(child, std::memory_order_release);
      } else {
        edges_.insert(tag_of(id, hash), child);
        node.edges.fetch_add(1, std::memory_order_release);
      }
    }
    id = child;
  }
  return spot(id, filter);
}

void LevelTrie::prune(std::uint32_t id) {
  const auto bare = [](const TrieNode& node) {
    const auto none = [](const std::atomic<std::uint32_t>& n) {
      return n.load(std::memory_order_relaxed) == 0;
    };
    return none(node.plus) && none(node.deeper) && none(node.here) && none(node.edges);
  };
  while (id != root_ && bare(at(id))) {
    const std::uint32_t parent_id = at(id).parent;
    TrieNode& parent = at(parent_id);
    if (parent.plus.load(std::memory_order_relaxed) == id) {
      parent.plus.store(0, std::memory_order_release);
    } else {
      parent.edges.fetch_sub(1, std::memory_order_release);
      edges_.erase(tag_of(parent_id, hash_of(at(id).level())), id);
    }
    retired_.node(id);
    id = parent_id;
  }
}

}  // namespace keel::kernel
