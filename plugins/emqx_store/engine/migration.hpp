// The way from older layouts of the store to this one. A migration brings a store from one layout
// to the next; several are taken one after the other. Called while the store is being opened, by
// that thread alone.
#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <span>

#include "emqx_store/engine/outcome.hpp"

namespace emqx_store {

struct Migration {
  std::uint32_t from;  // to from + 1
  // May be interrupted at any point, and is then run again from the beginning.
  Outcome (*run)(rocksdb::DB& db);
};

struct Layouts {
  std::uint32_t current;
  std::span<const Migration> migrations;  // ascending
};

// What this version has.
const Layouts& own_layouts();

// Brings a store to layouts.current: nothing to do, migrations, or Fault::newer. `is_new`: nothing
// stands in it yet.
Outcome migrate(rocksdb::DB& db, const Layouts& layouts, bool& is_new);

}  // namespace emqx_store
