#include "emqx_store/engine/engine.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "emqx_store/engine/group.hpp"
#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/lock_owner.hpp"
#include "emqx_store/engine/migration.hpp"

namespace emqx_store {

struct Engine::Applied {
  explicit Applied(std::size_t counts) : shared{.counts = CountCache(counts)} {}
  Group::Shared shared;
  Outcome fault;  // the first one
  std::atomic<bool> faulty{false};
  std::atomic<std::uint64_t> last_ticket{0}, groups{0}, batches{0}, operations{0}, known{0},
      unknown_releases{0};
};

namespace {

// Makes the directory and those above it.
Outcome make_directory(rocksdb::Env& env, const std::string& directory) {
  for (std::size_t end = directory.find('/', 1);; end = directory.find('/', end + 1)) {
    const std::string part = directory.substr(0, end);
    const auto status = env.CreateDirIfMissing(part);
    if (end == std::string::npos) return outcome_of(status, "cannot make " + directory);
  }
}

// Without the file CURRENT RocksDB would begin a new store, and throw away the tables it finds.
Outcome look_for_remains(rocksdb::Env& env, const std::string& directory) {
  if (env.FileExists(directory + "/CURRENT").ok()) return {};
  std::vector<std::string> names;
  const auto status = env.GetChildren(directory, &names);
  if (!status.ok()) return outcome_of(status, "cannot read " + directory);
  const auto remains = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return name.ends_with(".sst") || (name.ends_with(".log") && name != "LOG");
  });
  if (remains == names.end()) return {};
  return {Fault::damaged,
          directory + " has files of a store (" + *remains + "), but the file CURRENT is missing"};
}

Outcome explain_open(const rocksdb::Status& status, const std::string& directory) {
  const std::string text = status.ToString(), lock = directory + "/LOCK";
  if (status.IsIOError() && text.find(lock) != std::string::npos &&
      text.find("ermission") == std::string::npos) {
    const bool here = text.find("current process") != std::string::npos;
    return {Fault::in_use, "the store in " + directory + " is in use by " +
                               (here ? std::string("this very process") : lock_owner(lock)) +
                               ": end that one first, or use another directory"};
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return {Fault::newer,
            "the store in " + directory + " was written by a later version (" + text + ")"};
  }
  if (status.IsPathNotFound()) {
    return {Fault::damaged, "the store in " + directory + " misses a file: " + text};
  }
  return outcome_of(status, "cannot open the store in " + directory);
}

}  // namespace

Engine::Engine(EngineOptions options, std::unique_ptr<rocksdb::DB> db)
    : options_(std::move(options)),
      db_(std::move(db)),
      applied_(std::make_unique<Applied>(options_.counts_cached)) {}

Engine::~Engine() {
  if (db_ != nullptr) rocksdb::CancelAllBackgroundWork(db_.get(), true);
}

Outcome Engine::open(const EngineOptions& options, std::unique_ptr<Engine>& engine) {
  const auto began = std::chrono::steady_clock::now();
  const rocksdb::Options rocks = open_options(options);
  if (Outcome made = make_directory(*rocks.env, options.directory); !made) return made;
  if (Outcome clean = look_for_remains(*rocks.env, options.directory); !clean) return clean;
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(rocks, options.directory, &db);
  if (!status.ok()) return explain_open(status, options.directory);
  std::unique_ptr<Engine> opened(new Engine(options, std::unique_ptr<rocksdb::DB>(db)));
  if (Outcome loaded = opened->load(); !loaded) return loaded;
  opened->open_us_ =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                     std::chrono::steady_clock::now() - began)
                                     .count());
  engine = std::move(opened);
  return {};
}

Outcome Engine::load() {
  bool is_new = false;
  const Layouts& layouts = options_.layouts != nullptr ? *options_.layouts : own_layouts();
  if (Outcome migrated = migrate(*db_, layouts, is_new); !migrated) return migrated;

  std::string value;
  const auto status = db_->Get({}, std::string(kTicketKey), &value);
  std::uint64_t ticket = 0;
  if (!status.ok() && !status.IsNotFound()) return outcome_of(status, "cannot read the store");
  if (status.ok() && !read_number_value(value, ticket)) {
    return {Fault::damaged, "the number of the last batch in the store is no number"};
  }
  applied_->last_ticket = ticket;

  const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator({}));
  std::string key;
  for (std::uint8_t space = 0; space < KEEL_STORE_SPACES; ++space) {
    rows->Seek(std::string(count_key(key, space, {})));
    if (!rows->Valid()) break;
    if (static_cast<unsigned char>(rows->key()[0]) == (kCountMark | space)) {
      applied_->shared.counted_spaces |= static_cast<std::uint16_t>(1u << space);
    }
  }
  return outcome_of(rows->status(), "cannot read the store");
}

Outcome Engine::apply(std::span<const keel_store_batch> batches) {
  Applied& a = *applied_;
  if (!a.fault) return a.fault;
  std::uint64_t last = a.last_ticket, operations = 0, taken = 0, bytes = 0;
  for (const keel_store_batch& batch : batches) bytes += batch.bytes + 32 * batch.op_count;
  Group group(*db_, a.shared, bytes + 128);
  for (const keel_store_batch& batch : batches) {
    if (batch.ticket <= last) {
      ++a.known;
      continue;
    }
    if (a.fault = group.add(batch); !a.fault) break;
    last = batch.ticket;
    operations += batch.op_count;
    ++taken;
  }
  if (taken != 0 && a.fault) a.fault = group.write(options_.sync);
  if (!a.fault) {
    a.faulty = true;
    return a.fault;
  }
  if (taken == 0) return {};
  a.last_ticket = last;
  ++a.groups;
  a.batches += taken;
  a.operations += operations;
  a.unknown_releases = a.shared.unknown_releases;
  return {};
}

std::uint64_t Engine::last_ticket() const { return applied_->last_ticket; }

EngineStats Engine::stats() const {
  const auto property = [this](const std::string& name) {
    std::uint64_t value = 0;
    return db_->GetIntProperty(name, &value) ? value : 0;
  };
  using Properties = rocksdb::DB::Properties;
  EngineStats out;
  out.last_ticket = applied_->last_ticket;
  out.groups = applied_->groups;
  out.batches = applied_->batches;
  out.operations = applied_->operations;
  out.batches_known = applied_->known;
  out.unknown_releases = applied_->unknown_releases;
  out.table_bytes = property(Properties::kTotalSstFilesSize);
  out.live_bytes = property(Properties::kEstimateLiveDataSize);
  out.memtable_bytes = property(Properties::kSizeAllMemTables);
  out.cache_bytes = property(Properties::kBlockCacheUsage);
  out.rows_estimated = property(Properties::kEstimateNumKeys);
  out.pending_compaction_bytes = property(Properties::kEstimatePendingCompactionBytes);
  out.open_us = open_us_;
  return out;
}

Outcome Engine::compact(const std::atomic<bool>* cancelled) {
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  options.canceled = const_cast<std::atomic<bool>*>(cancelled);  // RocksDB only reads it
  const auto status = db_->CompactRange(options, nullptr, nullptr);
  if (cancelled != nullptr && *cancelled) return {};
  return outcome_of(status, "cannot compact the store");
}

Outcome Engine::flush() { return outcome_of(db_->Flush({}), "cannot write tables"); }

Outcome Engine::close() {
  Outcome flushed = applied_->faulty ? Outcome() : flush();
  rocksdb::CancelAllBackgroundWork(db_.get(), true);
  Outcome closed = outcome_of(db_->Close(), "cannot close the store");
  return flushed ? closed : flushed;
}

}  // namespace emqx_store
