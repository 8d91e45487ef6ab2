#include "emqx_sn/topic_table.hpp"

#include <algorithm>
#include <functional>

namespace sn {
namespace {

constexpr std::size_t kFew = 8;  // are looked at one by one
constexpr std::size_t kLongestName = 65'535;

std::size_t hash(std::string_view name) { return std::hash<std::string_view>()(name); }

}  // namespace

std::uint16_t TopicTable::add(std::string_view name, std::uint16_t first, std::uint32_t most) {
  if (const std::uint16_t known = id(name)) return known;
  const std::uint32_t after = entries_.empty() ? 0u : entries_.back().id + 1u;
  const std::uint32_t next = std::max<std::uint32_t>({after, first, kFirstId});
  if (next > kLastId || entries_.size() >= most || name.size() > kLongestName ||
      octets_.size() + name.size() > kMaxOctets)
    return 0;
  append(static_cast<std::uint16_t>(next), name, 0);
  return static_cast<std::uint16_t>(next);
}

void TopicTable::append(std::uint16_t id, std::string_view name, std::uint8_t flags) {
  Entry entry{};
  entry.at = static_cast<std::uint32_t>(octets_.size() & 0xffffff);
  entry.flags = flags;
  entry.size = static_cast<std::uint16_t>(name.size());
  entry.id = id;
  octets_.insert(octets_.end(), name.begin(), name.end());
  entries_.push_back(entry);
  if (entries_.size() <= kFew) return;
  if (entries_.size() * 2 > index_.size())
    rebuild_index();
  else
    index_last();
}

void TopicTable::index_last() {
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash(text(entries_.back())) & mask;
  while (index_[slot] != 0) slot = (slot + 1) & mask;
  index_[slot] = static_cast<std::uint16_t>(entries_.size());
}

void TopicTable::rebuild_index() {
  index_.assign(std::max<std::size_t>(index_.size() * 2, kFew * 4), 0);
  const std::size_t mask = index_.size() - 1;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = hash(text(entries_[i])) & mask;
    while (index_[slot] != 0) slot = (slot + 1) & mask;
    index_[slot] = static_cast<std::uint16_t>(i + 1);
  }
}

std::uint16_t TopicTable::id(std::string_view name) const {
  if (index_.empty()) {
    for (const Entry& entry : entries_)
      if (text(entry) == name) return entry.id;
    return 0;
  }
  const std::size_t mask = index_.size() - 1;
  for (std::size_t slot = hash(name) & mask; index_[slot] != 0; slot = (slot + 1) & mask) {
    const Entry& entry = entries_[index_[slot] - 1u];
    if (text(entry) == name) return entry.id;
  }
  return 0;
}

const TopicTable::Entry* TopicTable::find(std::uint16_t id) const {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), id,
                       [](const Entry& entry, std::uint16_t i) { return entry.id < i; });
  return at != entries_.end() && at->id == id ? &*at : nullptr;
}

std::string_view TopicTable::name(std::uint16_t id) const {
  const Entry* const entry = find(id);
  return entry ? text(*entry) : std::string_view();
}

bool TopicTable::has(std::uint16_t id, Flag flag) const {
  const Entry* const entry = find(id);
  return entry && (entry->flags & flag) != 0;
}

void TopicTable::set(std::uint16_t id, Flag flag, bool on) {
  if (const Entry* const entry = find(id)) {
    Entry& mine = entries_[static_cast<std::size_t>(entry - entries_.data())];
    mine.flags = static_cast<std::uint8_t>(on ? mine.flags | flag : mine.flags & ~unsigned{flag});
  }
}

void TopicTable::clear_everywhere(std::uint8_t flags) {
  for (Entry& entry : entries_)
    entry.flags = static_cast<std::uint8_t>(entry.flags & ~unsigned{flags});
}

std::uint16_t TopicTable::first_with(Flag is, std::uint8_t not_any_of) const {
  for (const Entry& entry : entries_)
    if ((entry.flags & is) != 0 && (entry.flags & not_any_of) == 0) return entry.id;
  return 0;
}

bool TopicTable::restore(std::uint16_t id, std::string_view name, std::uint8_t flags) {
  if (id < kFirstId || id > kLastId || name.empty() || name.size() > kLongestName ||
      octets_.size() + name.size() > kMaxOctets || (!entries_.empty() && entries_.back().id >= id))
    return false;
  append(id, name, flags);
  return true;
}

}  // namespace sn
