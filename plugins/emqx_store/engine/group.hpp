// The operations of several batches on their way into one write of RocksDB. Used by Engine::apply()
// alone, for one call.
//
// What an operation becomes: a HOLD a Put of the value, which is not touched again, and a count of
// its holders under a key of its own; counts are written once per group, not once per release. An
// ERASE_RANGE the single keys it has, when those are few: tombstones of ranges make every later
// read look at them. An ERASE is a Delete also with ONCE: a SingleDelete would save 3 % of the CPU,
// but where it meets a Delete of a range before it, RocksDB 7.8 brings the row back.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "emqx_store/engine/count_cache.hpp"
#include "emqx_store/engine/outcome.hpp"
#include "keel/ext/plugin_store.h"

namespace emqx_store {

class Group {
 public:
  // What lives as long as the engine.
  struct Shared {
    CountCache counts;
    std::uint16_t counted_spaces = 0;  // a bit for each space that has, or had, held rows
    std::uint64_t unknown_releases = 0;
  };

  // `bytes`: about as much as will be written.
  Group(rocksdb::DB& db, Shared& shared, std::size_t bytes)
      : db_(db), shared_(shared), out_(bytes) {}

  // Adds a batch. It may write what was added so far, without waiting for the disk.
  Outcome add(const keel_store_batch& batch);
  // Writes all of it, and that `batch` of the last add() was applied.
  Outcome write(bool sync);

 private:
  struct Count {
    std::uint32_t holders = 0;
    bool stored = false;  // the store has a count under this key
  };
  using Counts = std::unordered_map<std::string, Count>;

  Outcome add(const keel_store_batch& batch, std::uint32_t index);
  Outcome put(const keel_store_op& op);
  Outcome hold(const keel_store_op& op);
  Outcome release(const keel_store_op& op);
  Outcome load_count(const std::string& key, Counts::iterator& found);
  Outcome erase(const keel_store_op& op);
  Outcome erase_range(const keel_store_batch& batch, std::uint32_t index);
  Outcome erase_rows();  // of the store, from key_ to end_
  Outcome erase_counts(const keel_store_op& op);
  Outcome put_counts();
  void remember_counts();

  rocksdb::DB& db_;
  Shared& shared_;
  rocksdb::WriteBatch out_;
  Counts changed_;  // counts that this group changed, as they are now
  std::uint64_t ticket_ = 0;
  std::string key_, end_;
};

}  // namespace emqx_store
