// Replaces all files of a store by others that lie ready in its folder "incoming", so that a loss
// of power at any moment leaves either the old or the new ones, or is finished when the store is
// opened next. The old ones are kept, in a folder beside them. Nobody has the store open while it
// is finished; it may be open while a replacement is prepared. One thread at a time.
#pragma once

#include <rocksdb/env.h>

#include <string>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

struct Replacement {
  enum class Kind { none, salvage, restore };
  Kind kind = Kind::none;
  std::string folder;  // for the old files, below the store's directory
  std::string source;  // of the new ones, for people
  bool begun = false;  // some of the old files may have been moved
};

std::string incoming_directory(const std::string& directory);
// What was prepared and not finished.
Outcome read_replacement(rocksdb::Env& env, const std::string& directory, Replacement& out);
// "incoming" is complete. From here on the replacement will be finished.
Outcome prepare_replacement(rocksdb::Env& env, const std::string& directory,
                            const Replacement& replacement);
Outcome finish_replacement(rocksdb::Env& env, const std::string& directory,
                           const Replacement& replacement);
// One that has not begun is given up.
Outcome cancel_replacement(rocksdb::Env& env, const std::string& directory);

}  // namespace emqx_store
