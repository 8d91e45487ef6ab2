// How RocksDB is tuned: one writer that waits for the disk, two cores that it shares with the
// broker, bounded memory, and background work that leaves the disk to commits.
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <memory>

#include "emqx_store/engine/insert_hint.hpp"
#include "emqx_store/engine/layout.hpp"

namespace emqx_store {
namespace {

// After a failed write the writer closes the store and opens it again: what is in the files
// decides. RocksDB's own attempts to go on would come in between.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

void set_tables(rocksdb::Options& options, std::uint64_t cache_bytes) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(cache_bytes, 2, false, 0.5);
  table.block_size = 8 * 1024;
  table.format_version = 5;
  // Indexes and filters lie in the cache in parts, so that memory stays bounded however large the
  // store is.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.optimize_filters_for_hits = true;  // keys that are asked for are there
  options.max_open_files = 512;
}

void set_levels(rocksdb::Options& options) {
  options.level_compaction_dynamic_level_bytes = true;
  options.max_bytes_for_level_base = 128ull << 20;
  options.target_file_size_base = 32ull << 20;
  // Compaction that falls behind costs space and slower reads; it must not hold up commits.
  options.level0_file_num_compaction_trigger = 4;
  options.level0_slowdown_writes_trigger = 48;
  options.level0_stop_writes_trigger = 96;
  // What soon goes again is not worth compressing.
  const auto supported = rocksdb::GetSupportedCompressions();
  const auto lz4 = rocksdb::kLZ4Compression;
  const bool has_lz4 = std::find(supported.begin(), supported.end(), lz4) != supported.end();
  options.compression = rocksdb::kNoCompression;
  options.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                                   has_lz4 ? lz4 : rocksdb::kNoCompression};
}

void set_background(rocksdb::Options& options, std::uint64_t rate) {
  options.max_background_jobs = 2;
  options.max_subcompactions = 1;
  options.bytes_per_sync = 1 << 20;  // in small portions: a commit waits behind one of them only
  options.listeners.push_back(std::make_shared<NoRecovery>());
  options.max_bgerror_resume_count = 0;
  if (rate != 0) {
    options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(static_cast<std::int64_t>(rate)));
  }
}

}  // namespace

rocksdb::Options open_options(const EngineOptions& options) {
  constexpr int kMemtables = 4;
  rocksdb::Options out;
  out.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  out.create_if_missing = true;
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  out.allow_concurrent_memtable_write = false;
  out.enable_write_thread_adaptive_yield = false;
  out.write_buffer_size = std::max<std::uint64_t>(options.memtable_bytes / kMemtables, 64 * 1024);
  out.max_write_buffer_number = kMemtables;
  out.memtable_insert_with_hint_prefix_extractor = std::make_shared<InsertHint>();
  out.skip_stats_update_on_db_open = true;
  out.max_manifest_file_size = 16ull << 20;
  out.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  out.max_log_file_size = 4ull << 20;
  out.keep_log_file_num = 4;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  set_tables(out, options.cache_bytes);
  set_levels(out);
  out.disable_auto_compactions = !options.compaction;
  set_background(out, options.compaction_rate);
  return out;
}

}  // namespace emqx_store
