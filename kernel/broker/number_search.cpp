#include "kernel/broker/number_search.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernel/durable/rows.hpp"

namespace keel::kernel {

namespace {

// Those whose keys begin with a number.
constexpr std::array kNumbered{Space::subscriptions, Space::queue, Space::sent,    Space::released,
                               Space::awaiting,      Space::purge, Space::transit, Space::messages};
constexpr std::size_t kNumberSize = 8;

}  // namespace

NumberSearch::NumberSearch(Journal& journal, std::uint64_t known,
                           std::vector<std::uint64_t> store_ids, Done done)
    : journal_(journal),
      found_{known, true},
      store_ids_(std::move(store_ids)),
      done_(std::move(done)) {}

void NumberSearch::ask() {
  if (step_ == kNumbered.size() + store_ids_.size()) return done_(found_);
  StoreQuery query;
  query.kind = StoreQuery::Kind::last;
  std::string from, to;
  if (step_ < kNumbered.size()) {
    query.space = kNumbered[step_];
  } else {
    const std::uint64_t store_id = store_ids_[step_ - kNumbered.size()];
    query.space = Space::queue;
    query.from = from = number_key(store_id);
    query.to = to = number_key(store_id + 1);
  }
  ++step_;
  journal_.read(query,
                [self = shared_from_this()](const StoreRows& rows) { self->answered(rows); });
}

void NumberSearch::answered(const StoreRows& rows) {
  if (rows.later) return done_(Error{"the store could not be read: see its own messages"});
  if (!rows.complete) found_.all = false;
  for (const StoreRow& row : rows.rows) note(row.key);
  ask();
}

// A key of one number or of two, perhaps with something behind the first.
void NumberSearch::note(std::string_view key) {
  std::uint64_t first = 0, second = 0;
  if (!read_number_key(key.substr(0, kNumberSize), first)) return;
  read_number_key(key, first, second);
  found_.highest = std::max({found_.highest, first, second});
}

}  // namespace keel::kernel
