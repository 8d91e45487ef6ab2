// What CURRENT and the MANIFEST say of a store, as far as opening a damaged one needs it. Nobody
// has the store open meanwhile. Any thread.
#pragma once

#include <rocksdb/env.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "emqx_store/engine/log_scan.hpp"
#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

struct Manifest {
  enum class State {
    fresh,  // there is no store
    good,
    pointer,   // CURRENT does not name a manifest, but it can only be this one
    damaged,   // `text` says how
    doubtful,  // its last record may have been torn off after it had been whole
  };
  State state = State::fresh;
  std::string name;
  std::uint64_t log_number = 0;              // logs with lower numbers are not needed any more
  std::uint64_t last_sequence = 0;           // of the changes made when its last record was written
  std::set<std::uint64_t> tables, obsolete;  // that are needed, and not any more
  std::string text;
};

// A fault: the system refused.
Outcome read_manifest(rocksdb::Env& env, const std::string& directory, Manifest& out);

// Takes from a record of a manifest what it says of logs and tables.
void read_edit(std::string_view record, Manifest& out);

}  // namespace emqx_store
