#include "emqx_store/engine/backup.hpp"

#include <rocksdb/utilities/backup_engine.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <string_view>

#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/replace.hpp"
#include "emqx_store/engine/store_files.hpp"

namespace emqx_store {
namespace {

constexpr std::string_view kMark = "emqx_store ticket ";  // in front of a backup's ticket

rocksdb::Env& env_of(const EngineOptions& options) {
  return options.env != nullptr ? *options.env : *rocksdb::Env::Default();
}

Outcome cancelled_outcome() { return {Fault::io, "cancelled"}; }

bool within(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto [end, _] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
  return end == directory.end();
}

// Of RocksDB's own in a directory of backups.
bool has_backups(rocksdb::Env& env, const std::string& directory) {
  return exists(env, directory + "/meta");
}

Outcome check_directory(rocksdb::Env& env, const EngineOptions& options,
                        const std::string& directory) {
  namespace fs = std::filesystem;
  if (!fs::path(directory).is_absolute()) {
    return {Fault::io, "the directory of backups must be an absolute path, not " + directory};
  }
  std::error_code error;
  const fs::path store = fs::weakly_canonical(options.directory, error);
  if (within(fs::weakly_canonical(directory, error), store)) {
    return {Fault::io, directory +
                           " lies in the store's own directory: name another one, on "
                           "another disk if there is one"};
  }
  std::vector<std::string> names;
  if (!env.GetChildren(directory, &names).ok() || has_backups(env, directory)) return {};
  const auto other = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return name != "." && name != "..";
  });
  if (other == names.end()) return {};
  return {Fault::io, directory + " has other files (" + *other + "): name an empty directory, or " +
                         "one with backups"};
}

Backup described(const rocksdb::BackupInfo& info) {
  Backup out{.id = info.backup_id, .time_s = info.timestamp, .bytes = info.size, .ticket = 0};
  if (info.app_metadata.starts_with(kMark)) {
    const std::string_view digits = std::string_view(info.app_metadata).substr(kMark.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), out.ticket);
  }
  return out;
}

Outcome open_backups(rocksdb::Env& env, const std::string& directory,
                     std::unique_ptr<rocksdb::BackupEngineReadOnly>& out) {
  if (!has_backups(env, directory)) return {Fault::io, "there is no backup in " + directory};
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  const auto status =
      rocksdb::BackupEngineReadOnly::Open(rocksdb::BackupEngineOptions(directory), &env, &opened);
  out.reset(opened);
  return outcome_of(status, "cannot read the backups in " + directory);
}

Outcome find_backup(const rocksdb::BackupEngineReadOnly& backups, const std::string& directory,
                    std::uint32_t id, Backup& out) {
  std::vector<rocksdb::BackupInfo> infos;
  backups.GetBackupInfo(&infos);
  for (const rocksdb::BackupInfo& info : infos) {
    if (id == 0 || info.backup_id == id) out = described(info);
  }
  if (out.id != 0) return {};
  const std::string which = id == 0 ? std::string("a backup") : "backup " + std::to_string(id);
  return {Fault::io, "there is no " + which.substr(id == 0 ? 2 : 0) + " in " + directory};
}

Outcome refuse_pending(const EngineOptions& options) {
  std::string source;
  if (Outcome read = pending_restore(options, source); !read || source.empty()) return read;
  return {Fault::io,
          "the backup in " + source +
              " lies ready already and takes effect at the next start: give it up first, "
              "or restart the broker"};
}

// As the next start will do it: what cannot be read, or is of a later version, is not laid ready.
Outcome try_out(EngineOptions options, const std::string& directory) {
  options.directory = directory;
  std::unique_ptr<Engine> engine;
  if (Outcome opened = Engine::open(options, engine); !opened) return opened;
  return engine->close();
}

Outcome take_copy(const EngineOptions& options, const rocksdb::BackupEngineReadOnly& backups,
                  const Backup& backup, const std::atomic<bool>& cancelled) {
  rocksdb::Env& env = env_of(options);
  const std::string incoming = incoming_directory(options.directory);
  std::uint64_t free = 0;
  if (env.GetFreeSpace(options.directory, &free).ok() && free < backup.bytes) {
    return {Fault::no_space, "the backup takes " + std::to_string(backup.bytes >> 20) +
                                 " MiB, on the disk of " + options.directory + " " +
                                 std::to_string(free >> 20) + " MiB are free"};
  }
  if (Outcome gone = remove_directory(env, incoming); !gone) return gone;
  const auto status = backups.RestoreDBFromBackup(backup.id, incoming, incoming);
  if (!status.ok()) return outcome_of(status, "cannot copy the backup to " + incoming);
  if (cancelled) return cancelled_outcome();
  return try_out(options, incoming);
}

}  // namespace

Outcome back_up(Engine& engine, const std::string& directory, std::uint32_t keep,
                const std::atomic<bool>& cancelled, Backup& out) {
  rocksdb::Env& env = env_of(engine.options());
  if (Outcome good = check_directory(env, engine.options(), directory); !good) return good;
  if (Outcome made = outcome_of(env.CreateDirIfMissing(directory), "cannot make " + directory);
      !made) {
    return made;
  }
  rocksdb::BackupEngine* opened = nullptr;
  auto status = rocksdb::BackupEngine::Open(rocksdb::BackupEngineOptions(directory), &env, &opened);
  const std::unique_ptr<rocksdb::BackupEngine> backups(opened);
  if (!status.ok()) return outcome_of(status, "cannot open the backups in " + directory);

  rocksdb::CreateBackupOptions options;
  options.flush_before_backup = true;  // so that it is all in tables, which backups share
  options.progress_callback = [&] {
    if (cancelled) backups->StopBackup();
  };
  const std::string note = std::string(kMark) + std::to_string(engine.last_ticket());
  rocksdb::BackupID id = 0;
  status = backups->CreateNewBackupWithMetadata(options, &engine.db(), note, &id);
  if (!status.ok()) {
    backups->GarbageCollect().PermitUncheckedError();
    return cancelled ? cancelled_outcome()
                     : outcome_of(status, "cannot write the backup to " + directory);
  }
  if (keep != 0) {
    status = backups->PurgeOldBackups(keep);
    if (!status.ok()) return outcome_of(status, "the backup is made; cannot remove older ones");
  }
  std::vector<rocksdb::BackupInfo> infos;
  backups->GetBackupInfo(&infos);
  for (const rocksdb::BackupInfo& info : infos) {
    if (info.backup_id == id) out = described(info);
  }
  return {};
}

Outcome list_backups(const EngineOptions& options, const std::string& directory,
                     std::vector<Backup>& out) {
  out.clear();
  std::unique_ptr<rocksdb::BackupEngineReadOnly> backups;
  if (Outcome opened = open_backups(env_of(options), directory, backups); !opened) return opened;
  std::vector<rocksdb::BackupInfo> infos;
  backups->GetBackupInfo(&infos);
  for (const rocksdb::BackupInfo& info : infos) out.push_back(described(info));
  return {};
}

Outcome prepare_restore(const EngineOptions& options, const std::string& directory,
                        std::uint32_t id, const std::atomic<bool>& cancelled, Backup& out) {
  rocksdb::Env& env = env_of(options);
  if (Outcome none = refuse_pending(options); !none) return none;
  std::unique_ptr<rocksdb::BackupEngineReadOnly> backups;
  if (Outcome opened = open_backups(env, directory, backups); !opened) return opened;
  Backup backup;
  if (Outcome found = find_backup(*backups, directory, id, backup); !found) return found;
  if (const auto status = backups->VerifyBackup(backup.id, true); !status.ok()) {
    return outcome_of(status, "backup " + std::to_string(backup.id) + " in " + directory +
                                  " is damaged, try an older one");
  }
  if (cancelled) return cancelled_outcome();
  Outcome copied = take_copy(options, *backups, backup, cancelled);
  if (!copied) {
    remove_directory(env, incoming_directory(options.directory)).ignore();
    return copied;
  }
  out = backup;
  return prepare_replacement(env, options.directory,
                             {.kind = Replacement::Kind::restore,
                              .folder = "replaced-" + time_name(env),
                              .source = directory + " (" + std::to_string(backup.id) + ")",
                              .begun = false});
}

Outcome pending_restore(const EngineOptions& options, std::string& source) {
  Replacement replacement;
  Outcome read = read_replacement(env_of(options), options.directory, replacement);
  source = replacement.kind == Replacement::Kind::restore ? replacement.source : std::string();
  return read;
}

Outcome cancel_restore(const EngineOptions& options) {
  std::string source;
  if (Outcome read = pending_restore(options, source); !read) return read;
  if (source.empty()) return {Fault::io, "no backup lies ready"};
  return cancel_replacement(env_of(options), options.directory);
}

}  // namespace emqx_store
