#include "emqx_store/report.hpp"

#include <boost/json.hpp>
#include <keel/text.hpp>

namespace emqx_store {
namespace {

namespace js = boost::json;
using keel::concat;

void line(std::string& out, std::string_view name, const std::string& value) {
  out.append(name).append(": ").append(value).append("\n");
}

std::string milliseconds(std::uint64_t us) {
  return concat(us / 1000, ".", us % 1000 / 100, " ms");
}

}  // namespace

const char* condition_name(std::uint32_t condition) {
  constexpr const char* kNames[] = {"fine", "short", "shorter", "full", "failing"};
  return condition < std::size(kNames) ? kNames[condition] : "unknown";
}

std::string info_text(const Service::Status& status, const std::string& directory) {
  const EngineStats& engine = status.engine;
  std::string out;
  line(out, "directory", directory);
  line(out, "condition",
       status.condition.text.empty()
           ? std::string(condition_name(status.condition.condition))
           : concat(condition_name(status.condition.condition), ": ", status.condition.text));
  line(out, "disk",
       concat(size_text(status.space.free), " free of ", size_text(status.space.total)));
  line(out, "tables",
       concat(size_text(engine.table_bytes), ", of that alive about ", size_text(engine.live_bytes),
              ", about ", engine.rows_estimated, " rows"));
  line(out, "memory",
       concat(size_text(engine.memtable_bytes), " not yet in tables, ",
              size_text(engine.cache_bytes), " cache"));
  line(out, "written",
       concat(engine.operations, " changes in ", engine.batches, " batches and ", engine.groups,
              " writes, up to ticket ", engine.last_ticket));
  line(out, "waiting",
       concat(status.writer.waiting_operations, " changes, ", status.queries_waiting, " queries"));
  line(out, "opened in",
       concat(milliseconds(engine.open_us), ", opened anew after failures ", status.writer.reopened,
              " times"));
  if (!status.jobs.running.empty()) line(out, "under way", status.jobs.running);
  if (!status.jobs.last.empty()) {
    line(out, concat("last ", status.jobs.last), status.jobs.last_result);
  }
  return out;
}

std::string info_json(const Service::Status& status, const std::string& directory) {
  const EngineStats& engine = status.engine;
  js::object out{
      {"directory", directory},
      {"condition", condition_name(status.condition.condition)},
      {"condition_text", status.condition.text},
      {"disk_free_bytes", status.space.free},
      {"disk_total_bytes", status.space.total},
      {"table_bytes", engine.table_bytes},
      {"live_bytes", engine.live_bytes},
      {"rows_estimated", engine.rows_estimated},
      {"memtable_bytes", engine.memtable_bytes},
      {"cache_bytes", engine.cache_bytes},
      {"pending_compaction_bytes", engine.pending_compaction_bytes},
      {"commits", engine.groups},
      {"batches", engine.batches},
      {"operations", engine.operations},
      {"last_ticket", engine.last_ticket},
      {"waiting_batches", status.writer.waiting_batches},
      {"waiting_operations", status.writer.waiting_operations},
      {"waiting_queries", status.queries_waiting},
      {"recovery_us", engine.open_us},
      {"reopened", status.writer.reopened},
      {"job_running", status.jobs.running},
      {"job_last", status.jobs.last},
      {"job_last_result", status.jobs.last_result},
  };
  return js::serialize(out) + "\n";
}

}  // namespace emqx_store
