// The users in memory: names and values, looked up by every shard while a worker changes them. Any
// thread: 1024 stripes, each with a mutex that is held for one look, one change or one copy.
//
// Made for a million users: one block of memory per user with all its text, and 8 bytes in an
// open-addressed table, so about 30 bytes more than the text itself.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace user_store {

class UserTable {
 public:
  UserTable() = default;
  UserTable(const UserTable&) = delete;
  UserTable& operator=(const UserTable&) = delete;
  ~UserTable() { clear(); }

  std::optional<std::string> find(std::string_view name) const;
  bool contains(std::string_view name) const;
  void put(std::string_view name, std::string_view value);
  bool erase(std::string_view name);
  void clear();
  std::size_t size() const;
  // Every user, in no order. `fn` is called without a lock, with copies made stripe by stripe.
  void each(const std::function<void(std::string_view name, std::string_view value)>& fn) const;

 private:
  struct Record;
  struct FreeRecord {
    void operator()(Record* record) const;
  };
  using RecordPtr = std::unique_ptr<Record, FreeRecord>;
  // Linear probing; at most three quarters full; deleting moves the records behind up.
  struct Stripe {
    mutable std::mutex mutex;
    std::vector<RecordPtr> slots;
    std::size_t used = 0;
  };
  static constexpr std::size_t kStripes = 1024;

  static std::uint32_t hash_of(std::string_view name);
  static std::size_t position(const Stripe& stripe, std::uint32_t hash, std::string_view name);
  static void grow(Stripe& stripe);
  const Stripe& stripe_of(std::uint32_t hash) const { return stripes_[hash % kStripes]; }
  Stripe& stripe_of(std::uint32_t hash) { return stripes_[hash % kStripes]; }

  std::array<Stripe, kStripes> stripes_;
};

}  // namespace user_store
