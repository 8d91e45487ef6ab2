// All rows of a store whose tables may be damaged in places. Any thread.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

// Calls `row` with each row that can be read, ascending, until it answers false. Ranges of keys
// that cannot be read are passed over and described in `lost`.
Outcome for_each_readable_row(
    rocksdb::DB& db, const std::function<bool(std::string_view key, std::string_view value)>& row,
    std::vector<std::string>& lost);

}  // namespace emqx_store
