#include "user_store/user_table.hpp"

#include <new>

namespace user_store {

// The texts stand behind it.
struct UserTable::Record {
  std::uint32_t hash, name_size, value_size;

  char* text() { return reinterpret_cast<char*>(this + 1); }
  std::string_view name() { return {text(), name_size}; }
  std::string_view value() { return {text() + name_size, value_size}; }
  static RecordPtr make(std::uint32_t hash, std::string_view name, std::string_view value) {
    void* const memory = ::operator new(sizeof(Record) + name.size() + value.size());
    RecordPtr out(new (memory) Record{hash, static_cast<std::uint32_t>(name.size()),
                                      static_cast<std::uint32_t>(value.size())});
    name.copy(out->text(), name.size());
    value.copy(out->text() + name.size(), value.size());
    return out;
  }
};

void UserTable::FreeRecord::operator()(Record* record) const { ::operator delete(record); }

std::uint32_t UserTable::hash_of(std::string_view name) {
  const std::uint64_t hash = std::hash<std::string_view>()(name);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

// Where the name is, or the empty slot where it would be.
std::size_t UserTable::position(const Stripe& stripe, std::uint32_t hash, std::string_view name) {
  const std::size_t mask = stripe.slots.size() - 1;
  std::size_t at = hash / kStripes & mask;
  while (stripe.slots[at] && (stripe.slots[at]->hash != hash || stripe.slots[at]->name() != name)) {
    at = (at + 1) & mask;
  }
  return at;
}

void UserTable::grow(Stripe& stripe) {
  if (stripe.used * 4 < stripe.slots.size() * 3) return;
  std::vector<RecordPtr> old(stripe.slots.empty() ? 4 : stripe.slots.size() * 2);
  old.swap(stripe.slots);
  for (RecordPtr& record : old) {
    if (record) stripe.slots[position(stripe, record->hash, record->name())] = std::move(record);
  }
}

std::optional<std::string> UserTable::find(std::string_view name) const {
  const std::uint32_t hash = hash_of(name);
  const Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  if (stripe.slots.empty()) return std::nullopt;
  const RecordPtr& found = stripe.slots[position(stripe, hash, name)];
  if (!found) return std::nullopt;
  return std::string(found->value());
}

bool UserTable::contains(std::string_view name) const {
  const std::uint32_t hash = hash_of(name);
  const Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  return !stripe.slots.empty() && stripe.slots[position(stripe, hash, name)];
}

void UserTable::put(std::string_view name, std::string_view value) {
  const std::uint32_t hash = hash_of(name);
  RecordPtr record = Record::make(hash, name, value);
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  grow(stripe);
  RecordPtr& slot = stripe.slots[position(stripe, hash, name)];
  if (!slot) ++stripe.used;
  slot = std::move(record);
}

bool UserTable::erase(std::string_view name) {
  const std::uint32_t hash = hash_of(name);
  Stripe& stripe = stripe_of(hash);
  const std::lock_guard lock(stripe.mutex);
  if (stripe.slots.empty()) return false;
  std::size_t hole = position(stripe, hash, name);
  if (!stripe.slots[hole]) return false;
  stripe.slots[hole].reset();
  --stripe.used;
  // Whoever was pushed past the hole moves into it.
  const std::size_t mask = stripe.slots.size() - 1;
  for (std::size_t at = (hole + 1) & mask; stripe.slots[at]; at = (at + 1) & mask) {
    const std::size_t home = stripe.slots[at]->hash / kStripes & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      stripe.slots[hole] = std::move(stripe.slots[at]);
      hole = at;
    }
  }
  return true;
}

void UserTable::clear() {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    std::vector<RecordPtr>().swap(stripe.slots);
    stripe.used = 0;
  }
}

std::size_t UserTable::size() const {
  std::size_t out = 0;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    out += stripe.used;
  }
  return out;
}

void UserTable::each(
    const std::function<void(std::string_view name, std::string_view value)>& fn) const {
  std::string texts;
  std::vector<std::pair<std::size_t, std::size_t>> sizes;
  for (const Stripe& stripe : stripes_) {
    texts.clear();
    sizes.clear();
    {
      const std::lock_guard lock(stripe.mutex);
      for (const RecordPtr& record : stripe.slots) {
        if (!record) continue;
        texts.append(record->name()).append(record->value());
        sizes.emplace_back(record->name_size, record->value_size);
      }
    }
    std::string_view rest = texts;
    for (const auto& [name, value] : sizes) {
      fn(rest.substr(0, name), rest.substr(name, value));
      rest.remove_prefix(name + value);
    }
  }
}

}  // namespace user_store
