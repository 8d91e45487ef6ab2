// A few exchanges by their packet ids, in the order of these. Takes no memory when it is empty, and
// little otherwise. One owner, no locks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace keel::kernel {

// `T` has a member `id`.
template <class T>
class PacketTable {
 public:
  std::size_t size() const { return all_.size(); }
  bool empty() const { return all_.empty(); }
  // Null: there is none. What it answers holds until the table changes.
  T* find(std::uint16_t id) {
    const auto at = place(id);
    return at != all_.end() && at->id == id ? &*at : nullptr;
  }
  // Its id must not be there yet.
  void insert(T item) { all_.insert(place(item.id), std::move(item)); }
  void erase(std::uint16_t id) {
    const auto at = place(id);
    if (at == all_.end() || at->id != id) return;
    all_.erase(at);
    if (all_.empty() || all_.size() * 4 < all_.capacity()) all_.shrink_to_fit();
  }

 private:
  // Ids grow, as a rule: a new one comes last.
  typename std::vector<T>::iterator place(std::uint16_t id) {
    if (all_.empty() || all_.back().id < id) return all_.end();
    return std::ranges::lower_bound(all_, id, {}, &T::id);
  }

  std::vector<T> all_;
};

}  // namespace keel::kernel
