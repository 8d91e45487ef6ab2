// Makes a new store of what can be read of a damaged one, in its folder "incoming" (replace.hpp).
// The old files are left as they are. Nobody has the store open meanwhile. Any thread.
//
// Tables have a checksum for every 8 KiB or so: the rows of a part that does not have its own are
// left out, and what they had erased or replaced may come back. Likewise those of a table of which
// nothing can be read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emqx_store/engine/manifest.hpp"
#include "emqx_store/engine/options.hpp"
#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

struct RebuildFindings {
  std::vector<std::string> lines;  // what was lost
  std::uint64_t rows = 0;          // what was kept
};

Outcome rebuild(const EngineOptions& options, const Manifest& manifest, RebuildFindings& out);

}  // namespace emqx_store
