// All rows of a store whose tables may be damaged in places. Any thread.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

// Calls `row` with each row that can be read, ascending, until it answers false. Where a part of a
// table cannot be read, the rows of `rest` in its range of keys are taken instead (a store without
// the tables that are damaged; may be null), and a line is added to `lost`.
Outcome for_each_readable_row(
    rocksdb::DB& db, rocksdb::DB* rest,
    const std::function<bool(std::string_view key, std::string_view value)>& row,
    std::vector<std::string>& lost);

// The first key behind `last` from which on rows can be read again, where reading on from `last`
// met damage. None: there is none. Reads some hundred blocks.
std::optional<std::string> end_of_damage(rocksdb::DB& db, const std::string& last);

}  // namespace emqx_store
