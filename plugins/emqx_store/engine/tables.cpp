#include "emqx_store/engine/tables.hpp"

#include <rocksdb/sst_file_reader.h>

namespace emqx_store {

Outcome open_table(const rocksdb::Options& options, const std::string& path) {
  rocksdb::SstFileReader reader(options);
  return outcome_of(reader.Open(path), "cannot read " + path);
}

Outcome check_table(const rocksdb::Options& options, const std::string& path) {
  rocksdb::SstFileReader reader(options);
  if (Outcome opened = outcome_of(reader.Open(path), "cannot read " + path); !opened) {
    return opened;
  }
  rocksdb::ReadOptions read;
  read.readahead_size = 1 << 20;
  read.fill_cache = false;
  return outcome_of(reader.VerifyChecksum(read), "damage in " + path);
}

}  // namespace emqx_store
