#include "emqx_store/engine/check.hpp"

#include <memory>
#include <string_view>

#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/manifest.hpp"
#include "emqx_store/engine/salvage.hpp"
#include "emqx_store/engine/store_files.hpp"
#include "emqx_store/engine/tables.hpp"

namespace emqx_store {
namespace {

// No file goes away while it is looked at.
class FilesKept {
 public:
  explicit FilesKept(rocksdb::DB& db) : db_(db), kept_(db.DisableFileDeletions().ok()) {}
  FilesKept(const FilesKept&) = delete;
  FilesKept& operator=(const FilesKept&) = delete;
  ~FilesKept() {
    if (kept_) db_.EnableFileDeletions(false).PermitUncheckedError();
  }

 private:
  rocksdb::DB& db_;
  const bool kept_;
};

class Check {
 public:
  Check(Engine& engine, const std::atomic<bool>& cancelled, CheckReport& out)
      : engine_(engine),
        cancelled_(cancelled),
        out_(out),
        rocks_(open_options(engine.options())),
        directory_(engine.options().directory) {}

  Outcome run() {
    const FilesKept kept(engine_.db());
    if (Outcome looked = look_at_tables(); !looked) return looked;
    if (Outcome looked = look_at_logs(); !looked) return looked;
    look_at_rows();
    if (cancelled_) return {Fault::io, "cancelled"};
    return out_.damage.empty() ? Outcome() : request_examination(engine_.options());
  }

 private:
  Outcome look_at_tables() {
    std::vector<rocksdb::LiveFileMetaData> tables;
    engine_.db().GetLiveFilesMetaData(&tables);
    for (const auto& table : tables) {
      if (cancelled_) return {};
      const std::string path = directory_ + "/" + table.relative_filename;
      if (Outcome good = check_table(rocks_, path); !good) {
        if (good.fault() != Fault::damaged) return good;
        out_.damage.push_back(good.text());
      }
      ++out_.tables;
      out_.table_bytes += table.size;
    }
    return {};
  }

  // The last log and the manifest are being written: their ends may be torn.
  Outcome look_at_logs() {
    std::uint64_t first = 0;
    engine_.db().GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep, &first);
    std::vector<StoreFile> files;
    if (Outcome listed = list_files(*rocks_.env, directory_, files); !listed) return listed;
    std::string manifest;
    read_file(*rocks_.env, directory_ + "/CURRENT", manifest).ignore();
    for (const StoreFile& file : files) {
      const bool log = file.kind == FileKind::log && file.number >= first;
      if (!log && (file.kind != FileKind::manifest || file.name + "\n" != manifest)) continue;
      LogScan scan;
      Outcome scanned = scan_log(
          *rocks_.env, directory_ + "/" + file.name, [](std::string_view) { return true; }, scan);
      if (!scanned) return scanned;
      ++out_.logs;
      if (scan.end == LogScan::End::damaged) {
        out_.damage.push_back(file.name + " is damaged from octet " + std::to_string(scan.good) +
                              " of " + std::to_string(scan.size) + " on");
      }
    }
    return {};
  }

  void look_at_rows() {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> rows(engine_.db().NewIterator(options));
    for (rows->SeekToFirst(); rows->Valid() && !cancelled_; rows->Next()) ++out_.rows;
    if (!rows->status().ok() && out_.damage.empty()) {
      out_.damage.push_back("rows cannot be read: " + rows->status().ToString());
    }
    options.snapshot = engine_.db().GetSnapshot();
    for (std::uint8_t space = 0; space < KEEL_STORE_SPACES && !cancelled_; ++space) {
      compare_counts(options, space);
    }
    engine_.db().ReleaseSnapshot(options.snapshot);
  }

  // Rows and counts of a space, side by side. A space without any counts is not counted.
  void compare_counts(const rocksdb::ReadOptions& options, std::uint8_t space) {
    std::string from;
    const std::unique_ptr<rocksdb::Iterator> rows(engine_.db().NewIterator(options));
    const std::unique_ptr<rocksdb::Iterator> counts(engine_.db().NewIterator(options));
    const auto in = [space](const rocksdb::Iterator& at, unsigned char mark) {
      return at.Valid() && static_cast<unsigned char>(at.key()[0]) == (mark | space);
    };
    counts->Seek(std::string(count_key(from, space, {})));
    if (!in(*counts, kCountMark)) return;
    rows->Seek(std::string(row_key(from, space, {})));
    while (!cancelled_ && (in(*rows, 0) || in(*counts, kCountMark))) {
      const bool row = in(*rows, 0), count = in(*counts, kCountMark);
      const int order = !row     ? 1
                        : !count ? -1
                                 : rows->key().ToStringView().substr(1).compare(
                                       counts->key().ToStringView().substr(1));
      if (order < 0) ++out_.rows_without_holders;
      if (order > 0) ++out_.holders_without_row;
      if (order <= 0) rows->Next();
      if (order >= 0) counts->Next();
    }
  }

  Engine& engine_;
  const std::atomic<bool>& cancelled_;
  CheckReport& out_;
  const rocksdb::Options rocks_;
  const std::string directory_;
};

}  // namespace

Outcome check_store(Engine& engine, const std::atomic<bool>& cancelled, CheckReport& out) {
  out = {};
  return Check(engine, cancelled, out).run();
}

}  // namespace emqx_store
