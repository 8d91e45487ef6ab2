// Looks through everything a store has on the disk: checksums of all tables and logs, and whether
// the counts of holders have their messages. Like any use of the engine; apply() and read() go on
// meanwhile. Reads the whole store: it takes its time, and the disk's.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "emqx_store/engine/engine.hpp"

namespace emqx_store {

struct CheckReport {
  std::uint64_t tables = 0, table_bytes = 0, logs = 0;
  std::uint64_t rows = 0;  // that can be read
  // Held rows without holders, which nobody will remove, and counts without a row. They do no harm
  // beyond the space they take, and come from earlier damage.
  std::uint64_t rows_without_holders = 0, holders_without_row = 0;
  std::vector<std::string> damage;  // one line each
};

// An outcome that is a fault: the check could not be made. If there is damage, the next start looks
// through the store and sets aside what cannot be read (salvage.hpp).
Outcome check_store(Engine& engine, const std::atomic<bool>& cancelled, CheckReport& out);

}  // namespace emqx_store
