// The files of a store, by their names, and small things done with them so that they outlast a loss
// of power. Nobody has the store open meanwhile, unless it says otherwise. Any thread.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_store/engine/log_scan.hpp"
#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

enum class FileKind { log, table, manifest, current, options, identity, other };

struct StoreFile {
  std::string name;
  FileKind kind = FileKind::other;
  std::uint64_t number = 0;  // of logs, tables and manifests
};

StoreFile store_file(std::string name);
// All of a directory, ascending by number; none if it is not there.
Outcome list_files(rocksdb::Env& env, const std::string& directory, std::vector<StoreFile>& out);

bool exists(rocksdb::Env& env, const std::string& path);
Outcome read_file(rocksdb::Env& env, const std::string& path, std::string& out);
// Writes a file beside it and renames that.
Outcome write_file(rocksdb::Env& env, const std::string& path, std::string_view octets);
// The first `size` octets, or all of them.
Outcome copy_file(rocksdb::Env& env, const std::string& from, const std::string& to,
                  std::optional<std::uint64_t> size = std::nullopt);
// A second name for the same file, or a copy where the file system has no such thing.
Outcome link_file(rocksdb::Env& env, const std::string& from, const std::string& to);
Outcome sync_directory(rocksdb::Env& env, const std::string& directory);
// With everything in it. It need not be there.
Outcome remove_directory(rocksdb::Env& env, const std::string& directory);
// "20261126-175301", in UTC.
std::string time_name(rocksdb::Env& env);

// As LogScanner has it. May be called for a log that is being written.
Outcome scan_log(rocksdb::Env& env, const std::string& path,
                 const std::function<bool(std::string_view)>& record, LogScan& out,
                 const std::function<void(std::string_view)>& stray = {});

}  // namespace emqx_store
