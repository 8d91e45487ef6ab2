#include "kernel/router/table_storage.hpp"

#include <algorithm>
#include <new>

namespace keel::kernel {
namespace {

void destroy_blocks(const RetiredBatch& batch) {
  for (const RetiredBatch::Block& block : batch.blocks) block.destroy(block.memory);
}

}  // namespace

TableStorage::~TableStorage() {
  destroy_blocks(retired.take());
  for (std::uint32_t id = entries_.slot_from(0); id != 0; id = entries_.slot_from(id + 1))
    if (entry(id).constructed()) entry(id).~FilterEntry();
}

std::uint32_t TableStorage::find(std::string_view prefix, std::string_view filter, bool wildcard) {
  std::uint32_t id = 0;
  if (!wildcard) {
    id = find_exact(filter);
  } else if (const LevelTrie::Spot spot = trie.find(filter); spot.node != 0) {
    id = spot.first->load(std::memory_order_relaxed);
  }
  while (id != 0 && entry(id).prefix() != prefix)
    id = entry(id).next.load(std::memory_order_relaxed);
  return id;
}

std::uint32_t TableStorage::create(std::string_view prefix, std::string_view filter, bool wildcard,
                                   SubscriptionWord word) {
  const LevelTrie::Spot spot = wildcard ? trie.make(filter) : LevelTrie::Spot{};
  const std::uint32_t first =
      wildcard ? spot.first->load(std::memory_order_relaxed) : find_exact(filter);
  const std::uint32_t id =
      entries_.allocate(FilterEntry::allocation(prefix.size() + filter.size()));
  GroupMembers* group = prefix.empty() ? nullptr : new GroupMembers(id, strategy);
  auto* fresh = new (entries_.at(id)) FilterEntry(prefix, filter, group, spot.node);
  retired.heap_bytes += fresh->heap_bytes();
  fresh->put(word, retired);
  if (first != 0) {
    FilterEntry& head = entry(first);
    fresh->next.store(head.next.load(std::memory_order_relaxed), std::memory_order_relaxed);
    head.next.store(id, std::memory_order_release);
    return id;
  }
  ++filters;
  if (wildcard) {
    spot.first->store(id, std::memory_order_release);
  } else {
    exact_.insert(tag_of(filter), id);
  }
  return id;
}

void TableStorage::unlink(std::uint32_t id) {
  FilterEntry& gone = entry(id);
  const std::uint32_t next = gone.next.load(std::memory_order_relaxed);
  const LevelTrie::Spot spot =
      gone.node() ? trie.spot(gone.node(), gone.filter()) : LevelTrie::Spot{};
  const std::uint32_t first =
      gone.node() ? spot.first->load(std::memory_order_relaxed) : find_exact(gone.filter());
  if (first != id) {
    std::uint32_t before = first;
    while (entry(before).next.load(std::memory_order_relaxed) != id)
      before = entry(before).next.load(std::memory_order_relaxed);
    entry(before).next.store(next, std::memory_order_release);
  } else if (gone.node()) {
    spot.first->store(next, std::memory_order_release);
    if (next == 0) trie.prune(spot.node);
  } else if (next != 0) {
    exact_.replace(tag_of(gone.filter()), id, next);
  } else {
    exact_.erase(tag_of(gone.filter()), id);
  }
  if (first == id && next == 0) --filters;
  gone.unlinked();
  retired.entry(id);
}

FilterEntry* TableStorage::in_use(std::uint32_t id) const {
  return entries_.is_slot(id) && entry(id).linked() ? &entry(id) : nullptr;
}

bool TableStorage::first_of_chain(std::uint32_t id) const {
  const FilterEntry& one = entry(id);
  if (one.node() == 0) return find_exact(one.filter()) == id;
  return trie.spot(one.node(), one.filter()).first->load(std::memory_order_relaxed) == id;
}

std::size_t TableStorage::bytes() const {
  return sizeof *this + entries_.bytes() + trie.bytes() + retired.heap_bytes;
}

void TableStorage::free_entry(std::uint32_t id) {
  retired.heap_bytes -= entry(id).heap_bytes();
  entry(id).~FilterEntry();
  entries_.free(id);
}

void TableStorage::free(RetiredBatch& batch) {
  constexpr std::size_t kStep = 512;  // objects per hold of the lock
  while (!batch.entries.empty() || !batch.nodes.empty()) {
    const std::lock_guard hold(writer);
    for (std::size_t i = 0; i < kStep && !batch.entries.empty(); ++i, batch.entries.pop_back())
      free_entry(batch.entries.back());
    for (std::size_t i = 0; i < kStep && !batch.nodes.empty(); ++i, batch.nodes.pop_back())
      trie.free(batch.nodes.back());
  }
  destroy_blocks(batch);
  const std::lock_guard hold(writer);
  for (const RetiredBatch::Block& block : batch.blocks) retired.heap_bytes -= block.bytes;
  batch.blocks.clear();
}

}  // namespace keel::kernel
