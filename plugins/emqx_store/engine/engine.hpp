// The store's files: batches in, rows out. Owns the open RocksDB. It has no thread of its own and
// knows no broker; the writer and the readers call it. What a batch, an operation and a query mean
// stands in keel/ext/plugin_store.h.
//
// apply() is called by one thread at a time; everything else by any, also during apply(). close()
// and the destructor when nobody is in another call.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "emqx_store/engine/options.hpp"
#include "emqx_store/engine/outcome.hpp"
#include "keel/ext/plugin_store.h"

namespace emqx_store {

// The answer to a query. Rows point into it.
struct Answer {
  Outcome outcome;  // a fault: what could be read is there nevertheless
  struct Row {
    std::uint32_t key_size, value_size;
    std::size_t at;  // in `octets`: the key, behind it the value
  };
  std::vector<Row> rows;
  std::string octets;
  bool more = false;
  std::uint64_t counted = 0, counted_octets = 0;

  std::string_view key(const Row& row) const { return {octets.data() + row.at, row.key_size}; }
  std::string_view value(const Row& row) const {
    return {octets.data() + row.at + row.key_size, row.value_size};
  }
};

struct EngineStats {
  std::uint64_t last_ticket = 0;
  std::uint64_t groups = 0, batches = 0, operations = 0;  // applied since it was opened
  std::uint64_t batches_known = 0;                        // passed over: applied before
  std::uint64_t unknown_releases = 0;                     // of rows that nobody holds (any more)
  std::uint64_t table_bytes = 0, memtable_bytes = 0, cache_bytes = 0;
  std::uint64_t rows_estimated = 0;
  std::uint64_t live_bytes = 0;  // of tables, without what was erased; an estimate
  std::uint64_t pending_compaction_bytes = 0;
  std::uint64_t open_us = 0;  // how long opening took, with what had to be replayed
};

class Engine {
 public:
  // Opens the store, or makes a new one. Fault::in_use names the process, if that can be found out;
  // Fault::damaged is for salvage.hpp.
  static Outcome open(const EngineOptions& options, std::unique_ptr<Engine>& engine);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Applies all batches whose ticket is above last_ticket(), each of them atomically, and waits
  // until they are safe: once for all of them. Tickets must be ascending. After a fault nothing is
  // known of what was written: this engine applies nothing any more, last_ticket() of the next one
  // tells.
  Outcome apply(std::span<const keel_store_batch> batches);
  std::uint64_t last_ticket() const;

  Answer read(const keel_store_query& query) const;

  EngineStats stats() const;
  // Rewrites all tables, so that what was erased takes no space. Takes its time; apply() and read()
  // go on meanwhile. Ends early, without a fault, once `cancelled` is set.
  Outcome compact(const std::atomic<bool>* cancelled = nullptr);
  // Writes memtables to tables.
  Outcome flush();
  // Writes memtables to tables, so that opening has nothing to replay, ends background work and
  // closes the files. Nothing but the destructor may follow.
  Outcome close();

  // For backup and check, while the engine is open.
  rocksdb::DB& db() const { return *db_; }
  const EngineOptions& options() const { return options_; }

 private:
  struct Applied;
  Engine(EngineOptions options, std::unique_ptr<rocksdb::DB> db);
  Outcome load();  // what stands in the files of the engine's own

  EngineOptions options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::unique_ptr<Applied> applied_;  // state of apply()
  std::uint64_t open_us_ = 0;
};

}  // namespace emqx_store
