// Who is banned, for looking up: client ids, user names, blocks of addresses. A table that is
// handed to the shards never changes; its maker goes on with his own, which shares with it all that
// has not changed since. Lookups: [any]; put(), erase(), snapshot(): the maker only.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/address.hpp"
#include "kernel/base/endpoint.hpp"

namespace keel::kernel {

enum class BanKind : std::uint8_t { client, user, address };

struct Ban {
  BanKind kind{};
  std::string value;         // client id, user name, "10.0.0.0/8"
  std::int64_t until_s = 0;  // Unix time; 0: for ever
  std::int64_t at_s = 0;     // when it was put in
  std::string reason;
  std::string by;   // a word: who put it in
  std::string key;  // addresses only: what they are looked up by; see address_ban()

  std::string_view id() const { return kind == BanKind::address ? key : value; }
};
using BanPtr = std::shared_ptr<const Ban>;

// A ban of this block: kind, value and key; the rest is the caller's.
Ban address_ban(const Cidr& block);

class BanTable {
 public:
  bool has_client(std::string_view client_id) const { return has(BanKind::client, client_id); }
  bool has_user(std::string_view username) const { return has(BanKind::user, username); }
  bool has_address(const Endpoint& peer) const;  // itself or a block it lies in
  BanPtr find(BanKind kind, std::string_view id) const;

  std::size_t size() const { return counts_[0] + counts_[1] + counts_[2]; }
  std::size_t count(BanKind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  std::vector<BanPtr> all() const;  // in no order

  void put(BanPtr ban);  // in the place of one of the same kind and id
  bool erase(BanKind kind, std::string_view id);
  // What there is now, not to change any more.
  std::shared_ptr<const BanTable> snapshot();

 private:
  static constexpr std::size_t kBuckets = 1'024;
  struct Slot {
    std::uint64_t hash;
    BanPtr ban;
  };
  using Bucket = std::vector<Slot>;  // by hash

  bool has(BanKind kind, std::string_view id) const {
    return count(kind) != 0 && find(kind, id) != nullptr;
  }
  Bucket& own(std::size_t index);
  void count_in(const Ban& ban, std::int32_t n);

  std::array<std::shared_ptr<Bucket>, kBuckets> buckets_;
  std::bitset<kBuckets> owned_;  // not part of any snapshot
  std::array<std::uint32_t, 3> counts_{};
  std::array<std::uint32_t, 33> prefixes4_{};  // how many blocks of each length there are
  std::array<std::uint32_t, 129> prefixes6_{};
};

}  // namespace keel::kernel
