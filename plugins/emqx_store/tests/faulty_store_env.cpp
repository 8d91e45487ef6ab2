// In the module for tests in place of engine/store_env.cpp.
#include <cstdlib>

#include "emqx_store/engine/store_env.hpp"
#include "emqx_store/tests/fault_fs.hpp"

namespace emqx_store {

std::unique_ptr<rocksdb::Env> make_store_env() {
  const char* const faults = std::getenv("KEEL_STORE_FAULT");
  return faults != nullptr ? test::make_faulty_env(faults) : nullptr;
}

}  // namespace emqx_store
