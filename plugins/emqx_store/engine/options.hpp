// What an engine is opened with. A value.
#pragma once

#include <cstdint>
#include <string>

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace emqx_store {

struct Layouts;

struct EngineOptions {
  std::string directory;  // made if it is not there
  // Null: the system's. Tests put one with a file system of their own here; it must outlive the
  // engine.
  rocksdb::Env* env = nullptr;
  // Whether apply() waits for the disk. Only benchmarks say no.
  bool sync = true;
  std::uint64_t cache_bytes = 32ull << 20;      // of blocks read
  std::uint64_t memtable_bytes = 64ull << 20;   // at most, of rows not yet in tables
  std::uint64_t compaction_rate = 64ull << 20;  // octets a second of background writes; 0: no bound
  bool compaction = true;                       // by itself; compact() works without
  std::uint32_t counts_cached = 65'536;         // holders of recent messages
  const Layouts* layouts = nullptr;             // null: this version's, see migration.hpp
};

}  // namespace emqx_store
