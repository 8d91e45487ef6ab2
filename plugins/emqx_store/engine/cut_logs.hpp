// The write-ahead logs of a store that is to be opened: where they do not read as they were
// written, the rest is set aside, so that what RocksDB replays is all there was before. Nobody has
// the store open meanwhile. Any thread.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

struct LogFindings {
  bool damaged = false;            // there was damage behind which something whole lies
  std::vector<std::string> lines;  // what was found, and done
};

// Looks at the logs from `first` on. `folder` makes the folder for what is set aside and answers
// its path; without it damage is only reported.
Outcome cut_logs(rocksdb::Env& env, const std::string& directory, std::uint64_t first,
                 const std::function<Outcome(std::string& path)>& folder, LogFindings& out);

}  // namespace emqx_store
