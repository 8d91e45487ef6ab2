// Whether a disk takes data, tried with a file of its own. Any thread; it blocks as the disk does.
#pragma once

#include <rocksdb/env.h>

#include <string>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

// Writes a file into the directory, of the size of what opening a store writes, and erases it
// again.
Outcome probe_disk(rocksdb::Env& env, const std::string& directory);

}  // namespace emqx_store
