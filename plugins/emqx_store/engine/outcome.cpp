#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

Outcome outcome_of(const rocksdb::Status& status, std::string_view tried) {
  if (status.ok()) return {};
  Fault fault = Fault::io;
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) {
    fault = Fault::no_space;
  } else if (status.IsCorruption()) {
    fault = Fault::damaged;
  }
  return {fault, std::string(tried) + ": " + status.ToString()};
}

}  // namespace emqx_store
