#include "emqx_store/engine/store_env.hpp"

namespace emqx_store {

std::unique_ptr<rocksdb::Env> make_store_env() { return nullptr; }

}  // namespace emqx_store
