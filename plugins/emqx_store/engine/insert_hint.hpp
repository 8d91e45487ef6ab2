// Which rows are written one behind the other, so that RocksDB finds the place of the next one in
// its memtable where the last one of these went: a session's queue, and shared messages. A guess
// that is wrong costs time, nothing else. Immutable; any thread.
#pragma once

#include <rocksdb/slice_transform.h>

namespace emqx_store {

class InsertHint final : public rocksdb::SliceTransform {
 public:
  const char* Name() const override { return "emqx_store.insert_hint"; }
  bool InDomain(const rocksdb::Slice& key) const override { return prefix(key) != 0; }
  rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
    return {key.data(), prefix(key)};
  }

 private:
  // 0: none.
  static std::size_t prefix(const rocksdb::Slice& key) {
    constexpr char kQueue = 3, kMessages = 7;
    constexpr std::size_t kNumber = 8;
    if (key.size() == 1 + 2 * kNumber && key[0] == kQueue) return 1 + kNumber;
    if (key.size() == 1 + kNumber && (key[0] & 0x7f) == kMessages) return 1;
    return 0;
  }
};

}  // namespace emqx_store
