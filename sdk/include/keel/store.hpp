// For plugins that keep the broker's durable state: see ext/plugin_store.h for what is promised.
//
//   class Disk final : public keel::Plugin, public keel::StoreProvider {
//     keel::Status start() override;                    // opens its files, starts its writer
//     keel::Result<keel::StoreInfo> info() override;
//     void submit(const keel::StoreBatch& batch) override;
//     keel::Status read(std::uint64_t request, keel::StoreQuery query) override;
//   };
//
// That a class derives from StoreProvider is found out at compile time. What it has to say it says
// by host().store().
#pragma once

#include <span>
#include <string>
#include <vector>

#include "keel/detail/core.hpp"
#include "keel/ext/plugin_store.h"

namespace keel {

struct StoreInfo {
  std::uint64_t last_ticket = 0;  // applied; 0: the store is new
  bool incomplete = false;        // damage was set aside, see KEEL_STORE_INCOMPLETE
};

// A batch to be written, whole or not at all. A value; what it points to stays valid until its
// ticket was reported, or until stop() returned.
struct StoreBatch {
  std::uint64_t ticket = 0;
  std::uint64_t bytes = 0;  // of all keys and values
  std::span<const keel_store_op> ops;
};

// What is asked of the store; owns its texts.
struct StoreQuery {
  StoreQuery() = default;
  explicit StoreQuery(const keel_store_query& query)
      : kind(query.kind),
        space(query.space),
        max_rows(query.max_rows),
        max_bytes(query.max_bytes),
        from(view(query.from)),
        to(view(query.to)) {
    keys.reserve(query.key_count);
    for (std::uint32_t i = 0; i < query.key_count; ++i) keys.emplace_back(view(query.keys[i]));
  }

  std::uint8_t kind = KEEL_STORE_RANGE;
  std::uint8_t space = 0;
  std::uint32_t max_rows = 0, max_bytes = 0;  // 0: no bound
  std::string from, to;                       // `to` is not included; empty: to the end
  std::vector<std::string> keys;              // of KEEL_STORE_MANY
};

// The answer to a query, put together row by row.
class StoreAnswer {
 public:
  bool complete = true;       // false: not all could be read now; the kernel asks again
  bool more = false;          // the range goes on behind the last row
  std::uint64_t counted = 0;  // of KEEL_STORE_COUNT ...
  std::uint64_t counted_octets = 0;

  void add(std::string_view key, std::string_view value) {
    octets_.append(key).append(value);
    sizes_.push_back({key.size(), value.size()});
  }
  std::size_t size() const { return sizes_.size(); }
  std::size_t octets() const { return octets_.size(); }
  // Whether the query wants no row behind those that are here.
  bool full(const StoreQuery& query) const {
    return (query.max_rows != 0 && size() >= query.max_rows) ||
           (query.max_bytes != 0 && octets() >= query.max_bytes);
  }

 private:
  friend class StoreReports;
  struct Sizes {
    std::size_t key, value;
  };
  std::vector<keel_store_row> rows() const {
    std::vector<keel_store_row> out;
    out.reserve(sizes_.size());
    const char* at = octets_.data();
    for (const Sizes& row : sizes_) {
      out.push_back({{at, row.key}, {at + row.key, row.value}});
      at += row.key + row.value;
    }
    return out;
  }

  std::string octets_;
  std::vector<Sizes> sizes_;
};

class StoreProvider {
 public:
  virtual ~StoreProvider() = default;
  // Of the open store, after start(). [control]
  virtual Result<StoreInfo> info() = 0;
  // Takes a batch, in the order of tickets, and returns at once. It must not fail: what it throws
  // the kernel takes for a store that writes no more. [any, one at a time]
  virtual void submit(const StoreBatch& batch) = 0;
  // Takes a query and returns at once. On success host().store().rows() follows, once, on another
  // thread. [any]
  virtual Status read(std::uint64_t request, StoreQuery query) = 0;
};

enum class StoreCondition : std::uint32_t {
  fine = KEEL_STORE_FINE,
  low = KEEL_STORE_SHORT,        // no new messages for clients that are away
  lower = KEEL_STORE_SHORTER,    // nor new retained messages
  full = KEEL_STORE_FULL,        // nor anything that has to be durable
  failing = KEEL_STORE_FAILING,  // as full: a write failed and is being repeated
};

// What the store tells the kernel; KEEL_E_DENIED to other plugins. [any]
class StoreReports {
 public:
  explicit StoreReports(detail::Core& core) : core_(core) {}

  // Every batch up to this one survives a loss of power.
  Status committed(std::uint64_t ticket) const {
    return core_.status(core_.store.call(&keel_ext_store::committed, core_.host, ticket));
  }
  // Answers a query. KEEL_E_NOENT: nobody waits for it any more.
  Status rows(std::uint64_t request, const StoreAnswer& answer) const {
    const std::vector<keel_store_row> rows = answer.rows();
    keel_store_rows c{};
    c.status = answer.complete ? KEEL_OK : KEEL_E_IO;
    c.rows = rows.data();
    c.row_count = static_cast<std::uint32_t>(rows.size());
    c.more = answer.more ? 1 : 0;
    c.counted = answer.counted;
    c.octets = answer.counted_octets;
    return this->rows(request, c);
  }
  // The same with rows that stand somewhere else.
  Status rows(std::uint64_t request, keel_store_rows answer) const {
    answer.size = sizeof answer;
    return core_.plain(core_.store.call(&keel_ext_store::rows, core_.host, request, &answer));
  }
  // `text`: cause and remedy in one line; empty when it is fine.
  Status condition(StoreCondition condition, std::string_view text = {}) const {
    return core_.status(core_.store.call(&keel_ext_store::condition, core_.host,
                                         static_cast<std::uint32_t>(condition), to_c(text)));
  }
  // How long the last write took until it was safe, and how many operations it had.
  Status synced(std::uint64_t duration_ns, std::uint32_t operations) const {
    return core_.plain(
        core_.store.call(&keel_ext_store::synced, core_.host, duration_ns, operations));
  }

 private:
  detail::Core& core_;
};

}  // namespace keel
