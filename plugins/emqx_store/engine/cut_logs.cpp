#include "emqx_store/engine/cut_logs.hpp"

#include <algorithm>
#include <string_view>

#include "emqx_store/engine/log_scan.hpp"
#include "emqx_store/engine/store_files.hpp"

namespace emqx_store {
namespace {

template <class Number>
Number little_endian(std::string_view octets, std::size_t at) {
  Number out = 0;
  for (std::size_t i = sizeof out; i-- > 0;) {
    out = static_cast<Number>(out << 8 | static_cast<unsigned char>(octets[at + i]));
  }
  return out;
}

// Every record begins with the number of its first change and how many it has: one that is missing
// is noticed.
class Sequence {
 public:
  bool follows(std::string_view record) {
    if (record.size() < 12) return false;
    const auto first = little_endian<std::uint64_t>(record, 0);
    if (known_ && first != next_) return false;
    next_ = first + little_endian<std::uint32_t>(record, 8);
    known_ = true;
    return true;
  }

 private:
  std::uint64_t next_ = 0;
  bool known_ = false;
};

struct ScannedLog {
  std::string name;
  LogScan scan;
};

Outcome scan_logs(rocksdb::Env& env, const std::string& directory, std::uint64_t first,
                  std::vector<ScannedLog>& out) {
  std::vector<StoreFile> files;
  if (Outcome listed = list_files(env, directory, files); !listed) return listed;
  Sequence sequence;
  for (const StoreFile& file : files) {
    if (file.kind != FileKind::log || file.number < first) continue;
    ScannedLog log{.name = file.name, .scan = {}};
    Outcome scanned = scan_log(
        env, directory + "/" + file.name,
        [&sequence](std::string_view r) { return sequence.follows(r); }, log.scan);
    if (!scanned) return scanned;
    out.push_back(std::move(log));
  }
  return {};
}

std::string of(std::uint64_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

bool has_data(const ScannedLog& log) { return log.scan.records + log.scan.behind != 0; }

std::string describe(const ScannedLog& log, std::uint64_t later) {
  const LogScan& scan = log.scan;
  return "the write-ahead log " + log.name + " is damaged from octet " + std::to_string(scan.good) +
         " of " + std::to_string(scan.size) + " on: the " + of(scan.records, "write") +
         " before are kept, what was written later is lost (" + of(scan.behind, "intact piece") +
         " of it" + (later != 0 ? ", and " + of(later, "later log") : std::string()) + ")";
}

// First a copy of all, then the good part in its place, then the later ones: wherever this is
// interrupted, the next look finds the same damage, or a log that does not follow the one before.
Outcome cut(rocksdb::Env& env, const std::string& directory, const std::string& folder,
            const std::vector<ScannedLog>& logs, std::size_t at) {
  const std::string path = directory + "/" + logs[at].name;
  if (Outcome kept = copy_file(env, path, folder + "/" + logs[at].name); !kept) return kept;
  if (Outcome synced = sync_directory(env, folder); !synced) return synced;
  const std::string part = path + ".part";
  if (Outcome copied = copy_file(env, path, part, logs[at].scan.good); !copied) return copied;
  if (Outcome put = outcome_of(env.RenameFile(part, path), "cannot replace " + path); !put) {
    return put;
  }
  if (Outcome synced = sync_directory(env, directory); !synced) return synced;
  for (std::size_t later = at + 1; later < logs.size(); ++later) {
    const std::string& name = logs[later].name;
    Outcome moved = outcome_of(env.RenameFile(directory + "/" + name, folder + "/" + name),
                               "cannot set aside " + name);
    if (!moved) return moved;
  }
  if (Outcome synced = sync_directory(env, folder); !synced) return synced;
  return sync_directory(env, directory);
}

}  // namespace

Outcome cut_logs(rocksdb::Env& env, const std::string& directory, std::uint64_t first,
                 const std::function<Outcome(std::string& path)>& folder, LogFindings& out) {
  std::vector<ScannedLog> logs;
  if (Outcome scanned = scan_logs(env, directory, first, logs); !scanned) return scanned;
  const auto bad = std::find_if(logs.begin(), logs.end(), [](const ScannedLog& log) {
    return log.scan.end != LogScan::End::whole;
  });
  if (bad == logs.end()) return {};
  const auto later = static_cast<std::uint64_t>(std::count_if(bad + 1, logs.end(), has_data));
  if (bad->scan.end == LogScan::End::torn && later == 0) {
    out.lines.push_back(
        "the last write was interrupted: " + of(bad->scan.size - bad->scan.good, "octet") +
        " at the end of " + bad->name + " are passed over");
    return {};
  }
  out.damaged = true;
  out.lines.push_back(describe(*bad, later));
  if (!folder) return {};
  std::string path;
  if (Outcome made = folder(path); !made) return made;
  return cut(env, directory, path, logs, static_cast<std::size_t>(bad - logs.begin()));
}

}  // namespace emqx_store
