#include "emqx_store/engine/rebuild.hpp"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/write_batch.h>

#include <memory>

#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/readable_rows.hpp"
#include "emqx_store/engine/replace.hpp"
#include "emqx_store/engine/store_files.hpp"
#include "emqx_store/engine/tables.hpp"

namespace emqx_store {
namespace {

constexpr std::size_t kPortion = 1 << 20;

class Rebuilding {
 public:
  Rebuilding(const EngineOptions& options, RebuildFindings& out)
      : out_(out),
        rocks_(open_options(options)),
        env_(*rocks_.env),
        from_(options.directory),
        work_(from_ + "/salvaging"),
        rest_(work_ + "/rest"),
        to_(incoming_directory(from_)) {
    rocks_.disable_auto_compactions = true;
    rocks_.env = &env_;
  }

  Outcome run(const Manifest& manifest) {
    if (Outcome made = make_directories(); !made) return made;
    if (Outcome room = look_for_room(); !room) return room;
    bool repair =
        manifest.state == Manifest::State::damaged || manifest.state == Manifest::State::doubtful;
    if (repair) out_.lines.push_back(manifest.text);
    if (Outcome taken = take_files(manifest, repair); !taken) return taken;
    std::unique_ptr<rocksdb::DB> old, rest;
    if (Outcome opened = open_old(repair, old); !opened) return opened;
    if (any_damaged_) repair_manifest(rest_, rest).ignore();  // nothing may be left without them
    if (Outcome copied = copy_rows(*old, rest.get()); !copied) return copied;
    if (out_.rows == 0) return {Fault::damaged, "nothing can be read of the store in " + from_};
    if (Outcome closed = close(*old); !closed) return closed;
    old.reset();
    rest.reset();
    return remove_directory(env_, work_);
  }

 private:
  Outcome make_directories() {
    for (const std::string& directory : {work_, rest_, to_}) {
      if (Outcome gone = remove_directory(env_, directory); !gone) return gone;
      Outcome made = outcome_of(env_.CreateDir(directory), "cannot make " + directory);
      if (!made) return made;
    }
    return {};
  }

  Outcome look_for_room() {
    std::uint64_t bytes = 0, free = 0, size = 0;
    if (Outcome listed = list_files(env_, from_, files_); !listed) return listed;
    for (const StoreFile& file : files_) {
      if (file.kind != FileKind::table && file.kind != FileKind::log) continue;
      if (env_.GetFileSize(from_ + "/" + file.name, &size).ok()) bytes += size;
    }
    if (!env_.GetFreeSpace(from_, &free).ok() || free >= bytes) return {};
    return {Fault::no_space, "to make a new store of the damaged one in " + from_ + " " +
                                 std::to_string(bytes >> 20) + " MiB are needed, " +
                                 std::to_string(free >> 20) +
                                 " MiB are free: free space there, and start again"};
  }

  // Second names for all files that are needed.
  Outcome take_files(const Manifest& manifest, bool& repair) {
    for (const StoreFile& file : files_) {
      Outcome taken;
      if (file.kind == FileKind::table && !manifest.obsolete.contains(file.number)) {
        taken = take_table(file.name, repair);
      } else if (file.kind == FileKind::log && file.number >= manifest.log_number) {
        taken = copy_file(env_, from_ + "/" + file.name, work_ + "/" + file.name);
        if (taken) taken = copy_file(env_, from_ + "/" + file.name, rest_ + "/" + file.name);
      } else if (file.kind == FileKind::manifest || file.kind == FileKind::current) {
        taken = copy_file(env_, from_ + "/" + file.name, work_ + "/" + file.name);
      }
      if (!taken) return taken;
    }
    return {};
  }

  Outcome take_table(const std::string& name, bool& repair) {
    const std::string path = from_ + "/" + name;
    if (Outcome readable = open_table(rocks_, path); !readable) {
      out_.lines.push_back("the table " + name + " cannot be read and is left out (" +
                           readable.text() + ")");
      repair = true;
      return {};
    }
    if (Outcome taken = link_file(env_, path, work_ + "/" + name); !taken) return taken;
    if (check_table(rocks_, path)) return link_file(env_, path, rest_ + "/" + name);
    any_damaged_ = true;
    return {};
  }

  Outcome open_old(bool repair, std::unique_ptr<rocksdb::DB>& db) {
    if (!repair) {
      Outcome opened = open(work_, db);
      if (opened) return opened;
      out_.lines.push_back(opened.text());
    }
    out_.lines.push_back(
        "which tables the store has was found anew from what lies there: rows that had been erased "
        "or replaced may have come back");
    return repair_manifest(work_, db);
  }

  Outcome repair_manifest(const std::string& directory, std::unique_ptr<rocksdb::DB>& db) {
    for (;;) {
      const auto status = rocksdb::RepairDB(directory, rocks_);
      Outcome done = outcome_of(status, "cannot make a new manifest for the store in " + from_);
      if (done) done = open(directory, db);
      if (!done) return done;
      const std::string replaced = replaced_table(*db);
      if (replaced.empty()) return {};
      if (Outcome closed = close(*db); !closed) return closed;
      db.reset();
      const auto gone = env_.DeleteFile(directory + replaced);
      if (!gone.ok()) return outcome_of(gone, "cannot remove " + replaced);
    }
  }

  // A table whose rows were taken over by a younger one, and which had not been removed yet. Tables
  // in which numbers of changes were dropped lie at the bottom, where none overlaps another.
  // RocksDB's iterators do not stand both.
  static std::string replaced_table(rocksdb::DB& db) {
    std::vector<rocksdb::LiveFileMetaData> files;
    db.GetLiveFilesMetaData(&files);
    std::erase_if(files, [](const auto& file) { return file.smallest_seqno != 0; });
    for (const auto& old : files) {
      for (const auto& other : files) {
        const bool apart = other.smallestkey > old.largestkey || other.largestkey < old.smallestkey;
        if (other.file_number > old.file_number && !apart) return old.name;
      }
    }
    return {};
  }

  Outcome open(const std::string& directory, std::unique_ptr<rocksdb::DB>& db) {
    rocksdb::DB* opened = nullptr;
    const auto status = rocksdb::DB::Open(rocks_, directory, &opened);
    db.reset(opened);
    return outcome_of(status, "cannot open what is left of the store in " + from_);
  }

  static Outcome close(rocksdb::DB& db) { return outcome_of(db.Close(), "cannot close a store"); }

  Outcome write(rocksdb::DB& db, rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;  // it is flushed at the end, or made once more
    const auto status = db.Write(options, &batch);
    batch.Clear();
    return outcome_of(status, "cannot write the new store");
  }

  Outcome copy_rows(rocksdb::DB& old, rocksdb::DB* rest) {
    std::unique_ptr<rocksdb::DB> fresh;
    if (Outcome opened = open(to_, fresh); !opened) return opened;
    rocksdb::WriteBatch batch;
    Outcome written;
    Outcome read = for_each_readable_row(
        old, rest,
        [&](std::string_view key, std::string_view value) {
          ++out_.rows;
          has_layout_ |= key == kLayoutKey;
          has_ticket_ |= key == kTicketKey;
          written = outcome_of(batch.Put(rocksdb::Slice(key.data(), key.size()),
                                         rocksdb::Slice(value.data(), value.size())),
                               "cannot write the new store");
          if (written && batch.GetDataSize() >= kPortion) written = write(*fresh, batch);
          return static_cast<bool>(written);
        },
        out_.lines);
    if (!read) return read;
    if (!written) return written;
    if (Outcome done = complete(*fresh, batch); !done) return done;
    return close(*fresh);
  }

  // The engine's own rows may be among those that were lost. Any ticket will do: whoever writes to
  // the store next asks for the last one first.
  Outcome complete(rocksdb::DB& fresh, rocksdb::WriteBatch& batch) {
    if (!has_layout_) batch.Put(std::string(kLayoutKey), number_value(kLayoutVersion)).ok();
    if (!has_ticket_) batch.Put(std::string(kTicketKey), number_value(1)).ok();
    if (Outcome written = write(fresh, batch); !written) return written;
    return outcome_of(fresh.Flush({}), "cannot write the new store");
  }

  RebuildFindings& out_;
  rocksdb::Options rocks_;
  rocksdb::Env& env_;
  const std::string from_, work_;
  const std::string rest_;  // the same without tables that are damaged in places
  const std::string to_;
  std::vector<StoreFile> files_;
  bool any_damaged_ = false, has_layout_ = false, has_ticket_ = false;
};

}  // namespace

Outcome rebuild(const EngineOptions& options, const Manifest& manifest, RebuildFindings& out) {
  return Rebuilding(options, out).run(manifest);
}

}  // namespace emqx_store
