// Backups of the store: made while it is in use, as it is at one moment; several in one directory,
// which share the tables they have in common. A restored one is laid ready beside the store and
// takes its place when that is opened next for good (OpenPolicy::restore), since the broker has in
// memory what stands in the store it has read. Each call by one thread at a time per directory.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "emqx_store/engine/engine.hpp"

namespace emqx_store {

struct Backup {
  std::uint32_t id = 0;  // ascending in its directory
  std::int64_t time_s = 0;
  std::uint64_t bytes = 0;   // of all its files, those it shares included
  std::uint64_t ticket = 0;  // at least everything up to this one is in it
};

// Adds a backup, and removes all but the last `keep` (0: keeps all). The directory is made; one
// that has other files, or lies in the store's, is refused. While it waits for the disk,
// `cancelled` ends it. Like any use of the engine; apply() and read() go on meanwhile.
Outcome back_up(Engine& engine, const std::string& directory, std::uint32_t keep,
                const std::atomic<bool>& cancelled, Backup& out);

// Those that are complete, ascending.
Outcome list_backups(const EngineOptions& options, const std::string& directory,
                     std::vector<Backup>& out);

// Compares every octet of a backup (0: the last one) with its checksums, copies it beside the store
// of `options`, and opens it there to see that it can be read. The store itself may be open and is
// not touched. Refused while one lies ready already.
Outcome prepare_restore(const EngineOptions& options, const std::string& directory,
                        std::uint32_t id, const std::atomic<bool>& cancelled, Backup& out);
// The directory of the backup that lies ready; empty: none.
Outcome pending_restore(const EngineOptions& options, std::string& source);
Outcome cancel_restore(const EngineOptions& options);

}  // namespace emqx_store
