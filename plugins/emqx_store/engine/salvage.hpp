// Opens a store that may be damaged. Everything that opens a store for good goes through this.
//
// Logs and the manifest are looked through first, octet by octet; tables when opening fails for
// damage, or when damage was found in them earlier. What does not read as it was written is set
// aside in a folder damaged-<time> below the store's directory, with a report.txt, and the store
// goes on with what came before it (logs) or without it (tables, see rebuild.hpp). A store of which
// nothing can be made is refused, and left as it is: never is an empty one begun in its place.
//
// One thread; a second process, or a second engine of this one, is refused.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emqx_store/engine/engine.hpp"

namespace emqx_store {

struct OpenPolicy {
  // False: damage is reported and nothing done. For a store that is opened again while the broker
  // still counts on what it reported as safe.
  bool repair = true;
  // Whether a backup that `ctl store restore` laid ready takes the place of the store. Only while
  // the broker has read nothing from it yet.
  bool restore = true;
};

struct SalvageReport {
  bool damaged = false;            // something was lost; `folder` has what was set aside
  bool incomplete = false;         // that, or it was so earlier: see forget_salvage()
  bool restored = false;           // a backup took the store's place; `folder` has the old files
  std::string folder;              // its path
  std::vector<std::string> lines;  // for the log; there may be some without damage
};

Outcome open_store(const EngineOptions& options, const OpenPolicy& policy,
                   std::unique_ptr<Engine>& engine, SalvageReport& report);

// The store is closed in order, and whoever uses it has seen `incomplete`.
void forget_salvage(const EngineOptions& options);

// Damage was met in a table: the next open_store() with `repair` looks through all of them. May be
// called while the store is open.
Outcome request_examination(const EngineOptions& options);

}  // namespace emqx_store
