#include <rocksdb/env.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "emqx_store/engine/store_env.hpp"

namespace emqx_store {
namespace {

constexpr int kPatienceMs = 2'000;

// Whether there are threads of RocksDB's pools, which are known by their names.
bool pool_threads_left() {
  std::error_code failed;
  for (std::filesystem::directory_iterator at("/proc/self/task", failed), end; !failed && at != end;
       at.increment(failed)) {
    std::string name;
    std::ifstream(at->path() / "comm") >> name;
    if (name.starts_with("rocksdb:")) return true;
  }
  return false;
}

}  // namespace

// RocksDB's threads end by themselves, and it has nothing to wait for that with. Who asks for
// threads before they have ended, as the next version of this plugin does, goes on with these.
void end_background_threads() {
  for (const auto pool : {rocksdb::Env::BOTTOM, rocksdb::Env::LOW, rocksdb::Env::HIGH})
    rocksdb::Env::Default()->SetBackgroundThreads(0, pool);
  for (int ms = 0; ms < kPatienceMs && pool_threads_left(); ++ms)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace emqx_store
