#include "kernel/base/ban_table.hpp"

#include <algorithm>

#include "kernel/base/hash.hpp"

namespace keel::kernel {
namespace {

std::uint64_t hash_of(BanKind kind, std::string_view id) {
  return hash_bytes(id, hash_seed() + static_cast<std::uint64_t>(kind));
}

// The first `prefix` bits, and how many these are: what a block is looked up by.
struct AddressKey {
  AddressKey(const Endpoint& address, unsigned prefix)
      : size(address.family == Endpoint::Family::ip4 ? 5 : 17) {
    const Endpoint base = Cidr(address, prefix).base();
    std::copy_n(base.bytes.begin(), size - 1, bytes.begin());
    bytes[size - 1] = static_cast<char>(prefix);
  }
  std::string_view view() const { return {bytes.data(), size}; }

  std::array<char, 17> bytes{};
  std::size_t size;
};

}  // namespace

Ban address_ban(const Cidr& block) {
  Ban ban;
  ban.kind = BanKind::address;
  ban.value = block.text();
  ban.key = AddressKey(block.base(), block.prefix()).view();
  return ban;
}

BanPtr BanTable::find(BanKind kind, std::string_view id) const {
  const std::uint64_t hash = hash_of(kind, id);
  const auto& bucket = buckets_[hash % kBuckets];
  if (!bucket) return nullptr;
  auto at = std::lower_bound(bucket->begin(), bucket->end(), hash,
                             [](const Slot& slot, std::uint64_t h) { return slot.hash < h; });
  for (; at != bucket->end() && at->hash == hash; ++at)
    if (at->ban->kind == kind && at->ban->id() == id) return at->ban;
  return nullptr;
}

bool BanTable::has_address(const Endpoint& peer) const {
  if (count(BanKind::address) == 0) return false;
  const auto any = [&](const auto& prefixes) {
    for (unsigned prefix = 0; prefix < prefixes.size(); ++prefix)
      if (prefixes[prefix] != 0 && find(BanKind::address, AddressKey(peer, prefix).view()))
        return true;
    return false;
  };
  if (peer.family == Endpoint::Family::ip4) return any(prefixes4_);
  return peer.family == Endpoint::Family::ip6 && any(prefixes6_);
}

std::vector<BanPtr> BanTable::all() const {
  std::vector<BanPtr> out;
  out.reserve(size());
  for (const auto& bucket : buckets_) {
    if (!bucket) continue;
    for (const Slot& slot : *bucket) out.push_back(slot.ban);
  }
  return out;
}

BanTable::Bucket& BanTable::own(std::size_t index) {
  auto& bucket = buckets_[index];
  if (!owned_[index])
    bucket = bucket ? std::make_shared<Bucket>(*bucket) : std::make_shared<Bucket>();
  owned_[index] = true;
  return *bucket;
}

void BanTable::count_in(const Ban& ban, std::int32_t n) {
  const auto change = static_cast<std::uint32_t>(n);  // modulo 2^32
  counts_[static_cast<std::size_t>(ban.kind)] += change;
  if (ban.kind != BanKind::address) return;
  const auto prefix = static_cast<std::uint8_t>(ban.key.back());
  (ban.key.size() == 5 ? prefixes4_.at(prefix) : prefixes6_.at(prefix)) += change;
}

void BanTable::put(BanPtr ban) {
  erase(ban->kind, ban->id());
  count_in(*ban, 1);
  const std::uint64_t hash = hash_of(ban->kind, ban->id());
  Bucket& bucket = own(hash % kBuckets);
  const auto at = std::lower_bound(bucket.begin(), bucket.end(), hash,
                                   [](const Slot& slot, std::uint64_t h) { return slot.hash < h; });
  bucket.insert(at, {hash, std::move(ban)});
}

bool BanTable::erase(BanKind kind, std::string_view id) {
  const BanPtr there = find(kind, id);
  if (!there) return false;
  count_in(*there, -1);
  std::erase_if(own(hash_of(kind, id) % kBuckets),
                [&](const Slot& slot) { return slot.ban == there; });
  return true;
}

std::shared_ptr<const BanTable> BanTable::snapshot() {
  owned_.reset();
  return std::make_shared<const BanTable>(*this);
}

}  // namespace keel::kernel
