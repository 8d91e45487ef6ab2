#include "emqx_store/metrics.hpp"

#include <utility>

namespace emqx_store {
namespace {

constexpr double kSeconds[] = {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01,
                               0.02,   0.05,   0.1,    0.2,   0.5,   1,     5};
constexpr double kOperations[] = {1, 4, 16, 64, 128, 256, 1024, 4096, 16384};

struct Shown {
  const char* name;
  const char* help;
  const char* labels;
  double (*value)(const Service::Status&);
};
constexpr const char* kBytes = "Octets of the store, as of the last second";
constexpr Shown kShown[] = {
    {"store_bytes", kBytes, R"(kind="tables")",
     [](const Service::Status& s) { return static_cast<double>(s.engine.table_bytes); }},
    {"store_bytes", kBytes, R"(kind="live")",
     [](const Service::Status& s) { return static_cast<double>(s.engine.live_bytes); }},
    {"store_bytes", kBytes, R"(kind="memtables")",
     [](const Service::Status& s) { return static_cast<double>(s.engine.memtable_bytes); }},
    {"store_bytes", kBytes, R"(kind="cache")",
     [](const Service::Status& s) { return static_cast<double>(s.engine.cache_bytes); }},
    {"store_bytes", kBytes, R"(kind="to_compact")",
     [](const Service::Status& s) {
       return static_cast<double>(s.engine.pending_compaction_bytes);
     }},
    {"store_disk_free_bytes", "What is free on the store's disk", "",
     [](const Service::Status& s) { return static_cast<double>(s.space.free); }},
    {"store_waiting_batches", "Batches that no write has taken yet", "",
     [](const Service::Status& s) { return static_cast<double>(s.writer.waiting_batches); }},
    {"store_waiting_queries", "Queries that no reader has taken yet", "",
     [](const Service::Status& s) { return static_cast<double>(s.queries_waiting); }},
    {"store_condition", "0 fine, 1 to 3 disk short to full, 4 writes fail", "",
     [](const Service::Status& s) { return static_cast<double>(s.condition.condition); }},
    {"store_reopened", "How often failing writes made it necessary to open the files anew", "",
     [](const Service::Status& s) { return static_cast<double>(s.writer.reopened); }},
    {"store_recovery_seconds", "How long opening the files took, with what had to be replayed", "",
     [](const Service::Status& s) { return static_cast<double>(s.engine.open_us) / 1e6; }},
};

}  // namespace

keel::Status Metrics::add(const keel::Host& host, std::function<Service::Status()> status) {
  const keel::Metrics metrics = host.metrics();
  KEEL_TRY(metrics.counter("store_commits_total", "Writes that were synced").into(commits_));
  KEEL_TRY(metrics.counter("store_batches_total", "Batches written").into(batches_));
  KEEL_TRY(metrics.counter("store_operations_total", "Changes written").into(operations_));
  KEEL_TRY(metrics.counter("store_reads_total", "Queries answered").into(reads_));
  KEEL_TRY(metrics.counter("store_rows_read_total", "Rows in those answers").into(rows_));
  KEEL_TRY(
      metrics
          .counter("store_incomplete_reads_total", "Answers that miss rows which could not be read")
          .into(damaged_));
  KEEL_TRY(
      metrics.histogram("store_sync_seconds", "How long a write takes until it is safe", kSeconds)
          .into(sync_seconds_));
  KEEL_TRY(metrics.histogram("store_commit_operations", "Changes per write", kOperations)
               .into(group_operations_));
  for (const Shown& shown : kShown) {
    KEEL_TRY(metrics.gauge_of(
        shown.name, shown.help, [status, value = shown.value] { return value(status()); },
        shown.labels));
  }
  return {};
}

void Metrics::synced(std::uint64_t duration_ns, std::uint32_t batches,
                     std::uint32_t operations) const {
  commits_.add();
  batches_.add(batches);
  operations_.add(operations);
  sync_seconds_.observe(static_cast<double>(duration_ns) / 1e9);
  group_operations_.observe(operations);
}

void Metrics::read(std::size_t rows, bool complete) const {
  reads_.add();
  rows_.add(rows);
  if (!complete) damaged_.add();
}

}  // namespace emqx_store
