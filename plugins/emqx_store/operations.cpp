#include "emqx_store/operations.hpp"

#include <boost/json.hpp>
#include <ctime>
#include <keel/text.hpp>
#include <utility>
#include <vector>

#include "emqx_store/engine/backup.hpp"
#include "emqx_store/engine/check.hpp"

namespace emqx_store {
namespace {

namespace js = boost::json;
using keel::concat;

Jobs::Result done(std::string text, const js::object& json) {
  return {.good = true, .text = std::move(text), .json = js::serialize(json) + "\n"};
}

Jobs::Result failed(const std::string& text) {
  return {.good = false,
          .text = text + "\n",
          .json = js::serialize(js::object{{"error", text}}) + "\n"};
}

// What needs the open engine.
template <class Work>
Jobs::Result with_engine(Service& service, const std::atomic<bool>& cancelled, Work work) {
  const Gate::Visit engine(service.gate());
  if (!engine) return failed("the store is closed: it could not be opened again after a failure");
  Jobs::Result result = work(*engine);
  return cancelled ? failed("cancelled") : result;
}

std::string time_text(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[32] = "";
  if (::gmtime_r(&time, &parts) != nullptr) {
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  }
  return text;
}

std::string backup_text(const Backup& backup) {
  return concat("backup ", backup.id, " of ", time_text(backup.time_s), ", ",
                size_text(backup.bytes), ", up to ticket ", backup.ticket);
}

js::object backup_json(const Backup& backup) {
  return {{"id", backup.id},
          {"time", backup.time_s},
          {"bytes", backup.bytes},
          {"ticket", backup.ticket}};
}

Jobs::Result check_result(const CheckReport& report) {
  std::string text;
  for (const std::string& line : report.damage) text += line + "\n";
  const bool good = report.damage.empty();
  text = concat(good ? "The store is sound: " : "The store is damaged: ", report.rows, " rows in ",
                report.tables, " tables (", size_text(report.table_bytes), ") and ", report.logs,
                " logs were read.\n", text);
  if (!good) text += "The next start of the broker sets aside what cannot be read.\n";
  if (report.rows_without_holders + report.holders_without_row != 0) {
    text += concat(report.rows_without_holders, " messages without holders and ",
                   report.holders_without_row,
                   " counts without a message are left of earlier damage; they only take space.\n");
  }
  js::array damage;
  for (const std::string& line : report.damage) damage.emplace_back(line);
  const js::object json{{"sound", good},
                        {"rows", report.rows},
                        {"tables", report.tables},
                        {"table_bytes", report.table_bytes},
                        {"logs", report.logs},
                        {"rows_without_holders", report.rows_without_holders},
                        {"holders_without_row", report.holders_without_row},
                        {"damage", std::move(damage)}};
  return {.good = good, .text = std::move(text), .json = js::serialize(json) + "\n"};
}

}  // namespace

Jobs::Result compact(Service& service, const std::atomic<bool>& cancelled) {
  return with_engine(service, cancelled, [&](Engine& engine) {
    const std::uint64_t before = engine.stats().table_bytes;
    const Outcome compacted = engine.compact(&cancelled);
    if (!compacted) return failed(compacted.text());
    const std::uint64_t after = engine.stats().table_bytes;
    return done(
        concat("The tables had ", size_text(before), ", now they have ", size_text(after), ".\n"),
        {{"bytes_before", before}, {"bytes_after", after}});
  });
}

Jobs::Result check(Service& service, const std::atomic<bool>& cancelled) {
  return with_engine(service, cancelled, [&](Engine& engine) {
    CheckReport report;
    const Outcome checked = check_store(engine, cancelled, report);
    return checked ? check_result(report) : failed(checked.text());
  });
}

Jobs::Result backup(Service& service, const std::string& directory, std::uint32_t keep,
                    const std::atomic<bool>& cancelled) {
  return with_engine(service, cancelled, [&](Engine& engine) {
    Backup made;
    const Outcome backed_up = back_up(engine, directory, keep, cancelled, made);
    if (!backed_up) return failed(backed_up.text());
    return done(concat("Made ", backup_text(made), ", in ", directory, ".\n"), backup_json(made));
  });
}

Jobs::Result restore(Service& service, const std::string& directory, std::uint32_t id,
                     const std::atomic<bool>& cancelled) {
  Backup found;
  const Outcome prepared =
      prepare_restore(service.engine_options(), directory, id, cancelled, found);
  if (!prepared) return failed(prepared.text());
  return done(concat("Checked ", backup_text(found), ". It lies ready and takes the store's place ",
                     "when the broker starts next; 'store restore --cancel' takes that back.\n"),
              backup_json(found));
}

Jobs::Result cancel_restore(Service& service) {
  std::string source;
  if (Outcome read = pending_restore(service.engine_options(), source); !read) {
    return failed(read.text());
  }
  if (source.empty()) return failed("no backup lies ready");
  if (Outcome taken_back = cancel_restore(service.engine_options()); !taken_back) {
    return failed(taken_back.text());
  }
  return done(concat("The backup of ", source, " no longer lies ready.\n"), {{"source", source}});
}

Jobs::Result list_backups(Service& service, const std::string& directory) {
  std::vector<Backup> backups;
  if (Outcome listed = list_backups(service.engine_options(), directory, backups); !listed) {
    return failed(listed.text());
  }
  std::string text;
  js::array json;
  for (const Backup& backup : backups) {
    text += backup_text(backup) + "\n";
    json.push_back(backup_json(backup));
  }
  if (backups.empty()) text = "no backups\n";
  return done(std::move(text), {{"backups", std::move(json)}});
}

}  // namespace emqx_store
