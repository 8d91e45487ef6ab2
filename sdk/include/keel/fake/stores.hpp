// FakeHost's tables kv and store. Part of keel/fake.hpp.
#pragma once

#include "keel/fake/kv.hpp"
#include "keel/fake/store.hpp"

namespace keel::fake {

class StoreTables : public StoreTable {
 public:
  using StoreTable::StoreTable;

 protected:
  const void* store_table_for(std::string_view id) {
    if (id == KEEL_EXT_KV) return &kv_table();
    if (id == KEEL_EXT_STORE) return &store_table();
    return nullptr;
  }
};

}  // namespace keel::fake
