// Single table files of a store. Any thread.
#pragma once

#include <rocksdb/options.h>

#include <string>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

// Whether a table can be read at all: its end, and the index of its rows.
Outcome open_table(const rocksdb::Options& options, const std::string& path);
// Whether every part of it has its checksum.
Outcome check_table(const rocksdb::Options& options, const std::string& path);

}  // namespace emqx_store
