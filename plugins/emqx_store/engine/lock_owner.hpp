// Who has a store's directory. Any thread.
#pragma once

#include <string>

namespace emqx_store {

// "process 4711 (keel)", or "another process" if it cannot be told. Not to be called while this
// process itself holds the lock: looking at it would release it.
std::string lock_owner(const std::string& lock_file);

}  // namespace emqx_store
