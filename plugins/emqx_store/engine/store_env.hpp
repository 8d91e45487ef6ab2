// The file system that the plugin keeps its store on. The plugin makes it before it opens the store
// and destroys it after the engine; EngineOptions::env takes the pointer. A module made for tests
// has another store_env.cpp: see tests/fault_fs.hpp.
#pragma once

#include <rocksdb/env.h>

#include <memory>

namespace emqx_store {

// Null: the system's own.
std::unique_ptr<rocksdb::Env> make_store_env();

// RocksDB's background threads belong to the process and outlive every store. They end now; opening
// a store starts them anew. No store is open.
void end_background_threads();

}  // namespace emqx_store
