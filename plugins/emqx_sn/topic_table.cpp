#include "emqx_sn/topic_table.hpp"

#include <algorithm>
#include <functional>

namespace sn {
namespace {

constexpr std::size_t kFew = 8;  // are looked at one by one
constexpr std::size_t kLongestName = 65'535;

std::size_t hash(std::string_view name) { return std::hash<std::string_view>()(name); }

}  // namespace

TopicTable::TopicTable(const TopicTable& other)
    : rows_(other.rows_ ? std::make_unique<Rows>(*other.rows_) : nullptr),
      revision_(other.revision_),
      begin_(other.begin_) {}

TopicTable& TopicTable::operator=(const TopicTable& other) { return *this = TopicTable(other); }

std::uint16_t TopicTable::add(std::string_view name, std::uint16_t first, std::uint32_t most) {
  if (const std::uint16_t known = id(name)) return known;
  const std::uint32_t after = rows_ ? rows_->entries.back().id + 1u : 0u;
  const std::uint32_t next = std::max<std::uint32_t>({after, first, begin_, kFirstId});
  if (next > kLastId || size() >= most || !has_room(name)) return 0;
  append(static_cast<std::uint16_t>(next), name, 0);
  return static_cast<std::uint16_t>(next);
}

bool TopicTable::has_room(std::string_view name) const {
  const std::size_t taken = rows_ ? rows_->octets.size() : 0;
  return name.size() <= kLongestName && taken + name.size() <= kMaxOctets;
}

void TopicTable::append(std::uint16_t id, std::string_view name, std::uint8_t flags) {
  if (!rows_) rows_ = std::make_unique<Rows>();
  rows_->append(id, name, flags);
  ++revision_;
}

void TopicTable::clear() {
  begin_ = 0;
  if (rows_) ++revision_;
  rows_.reset();
}

void TopicTable::Rows::append(std::uint16_t id, std::string_view name, std::uint8_t flags) {
  Entry entry{};
  entry.at = static_cast<std::uint32_t>(octets.size() & 0xffffff);
  entry.flags = flags;
  entry.size = static_cast<std::uint16_t>(name.size());
  entry.id = id;
  octets.insert(octets.end(), name.begin(), name.end());
  entries.push_back(entry);
  if (entries.size() <= kFew) return;
  if (entries.size() * 2 > index.size())
    rebuild_index();
  else
    index_last();
}

void TopicTable::Rows::index_last() {
  const std::size_t mask = index.size() - 1;
  std::size_t slot = hash(text(entries.back())) & mask;
  while (index[slot] != 0) slot = (slot + 1) & mask;
  index[slot] = static_cast<std::uint16_t>(entries.size());
}

void TopicTable::Rows::rebuild_index() {
  index.assign(std::max<std::size_t>(index.size() * 2, kFew * 4), 0);
  const std::size_t mask = index.size() - 1;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::size_t slot = hash(text(entries[i])) & mask;
    while (index[slot] != 0) slot = (slot + 1) & mask;
    index[slot] = static_cast<std::uint16_t>(i + 1);
  }
}

std::uint16_t TopicTable::id(std::string_view name) const {
  if (!rows_) return 0;
  const Rows& rows = *rows_;
  if (rows.index.empty()) {
    for (const Entry& entry : rows.entries)
      if (rows.text(entry) == name) return entry.id;
    return 0;
  }
  const std::size_t mask = rows.index.size() - 1;
  for (std::size_t slot = hash(name) & mask; rows.index[slot] != 0; slot = (slot + 1) & mask) {
    const Entry& entry = rows.entries[rows.index[slot] - 1u];
    if (rows.text(entry) == name) return entry.id;
  }
  return 0;
}

TopicTable::Entry* TopicTable::find(std::uint16_t id) const {
  if (!rows_) return nullptr;
  const auto at =
      std::lower_bound(rows_->entries.begin(), rows_->entries.end(), id,
                       [](const Entry& entry, std::uint16_t i) { return entry.id < i; });
  return at != rows_->entries.end() && at->id == id ? &*at : nullptr;
}

std::string_view TopicTable::name(std::uint16_t id) const {
  const Entry* const entry = find(id);
  return entry ? rows_->text(*entry) : std::string_view();
}

bool TopicTable::has(std::uint16_t id, Flag flag) const {
  const Entry* const entry = find(id);
  return entry && (entry->flags & flag) != 0;
}

void TopicTable::set(std::uint16_t id, Flag flag, bool on) {
  Entry* const mine = find(id);
  if (!mine) return;
  const auto flags =
      static_cast<std::uint8_t>(on ? mine->flags | flag : mine->flags & ~unsigned{flag});
  if (mine->flags == flags) return;
  mine->flags = flags;
  ++revision_;
}

void TopicTable::clear_everywhere(std::uint8_t flags) {
  if (!rows_) return;
  bool changed = false;
  for (Entry& entry : rows_->entries) {
    changed = changed || (entry.flags & flags) != 0;
    entry.flags = static_cast<std::uint8_t>(entry.flags & ~unsigned{flags});
  }
  if (changed) ++revision_;
}

std::uint16_t TopicTable::first_with(Flag is, std::uint8_t not_any_of) const {
  if (!rows_) return 0;
  for (const Entry& entry : rows_->entries)
    if ((entry.flags & is) != 0 && (entry.flags & not_any_of) == 0) return entry.id;
  return 0;
}

bool TopicTable::restore(std::uint16_t id, std::string_view name, std::uint8_t flags) {
  if (id < kFirstId || id > kLastId || name.empty() || !has_room(name) ||
      (rows_ && rows_->entries.back().id >= id))
    return false;
  append(id, name, flags);
  return true;
}

}  // namespace sn
