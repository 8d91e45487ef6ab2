#include <rocksdb/env.h>

#include "emqx_store/engine/store_env.hpp"

namespace emqx_store {

void end_background_threads() {
  for (const auto pool : {rocksdb::Env::BOTTOM, rocksdb::Env::LOW, rocksdb::Env::HIGH})
    rocksdb::Env::Default()->SetBackgroundThreads(0, pool);
}

}  // namespace emqx_store
