// What the kernel needs of a store: ordered keys and values in spaces, written in atomic batches,
// read in pages. Implemented by the plugin host over plugin_store/1, by tests in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/durable/batch.hpp"
#include "kernel/durable/space.hpp"

namespace keel::kernel {

struct StoreQuery {
  enum class Kind : std::uint8_t { range = 1, last = 2, count = 3, many = 4 };
  Kind kind = Kind::range;
  Space space = Space::meta;
  std::uint32_t max_rows = 0, max_bytes = 0;  // 0: no bound
  std::string_view from, to;                  // `to` is not included; empty: to the end
  std::span<const std::string_view> keys;     // of Kind::many
};

struct StoreRow {
  std::string key, value;
};

// The answer to a query, owned by whoever was told.
struct StoreRows {
  bool complete = true;  // false: some are damaged and left out, or could not be read:
  bool later = false;    // could not be read now, or there is no store; the next time may be better
  bool more = false;     // the range goes on behind the last row
  std::vector<StoreRow> rows;
  std::uint64_t counted = 0, octets = 0;  // of Kind::count
};

class StorePort {
 public:
  virtual ~StorePort() = default;
  // The last ticket that the store has applied; 0: it is new. [control]
  virtual std::uint64_t last_ticket() = 0;
  // Whether damage was set aside when it was opened, now or since it was last closed in order: rows
  // may be missing, and older ones be there in their place. [control]
  virtual bool incomplete() = 0;
  // Takes a batch to be written and answers at once. The batch stays valid until
  // Journal::committed() named its ticket, or until the store has ended. Called by one thread at a
  // time, tickets ascending. [any]
  virtual void submit(const Batch& batch) = 0;
  // The store is abandoned, and nobody waits for these batches any more. It may be writing them
  // all the same: they have to stay until it has ended. [control]
  virtual void keep(std::vector<std::unique_ptr<Batch>> batches) = 0;
  // `done` is called once, on any thread but not from within this call; never again after the store
  // was detached. [any]
  virtual void read(const StoreQuery& query, std::function<void(StoreRows)> done) = 0;
};

}  // namespace keel::kernel
