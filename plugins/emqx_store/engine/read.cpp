// Queries of the engine.
#include <rocksdb/db.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "emqx_store/engine/engine.hpp"
#include "emqx_store/engine/layout.hpp"
#include "emqx_store/engine/readable_rows.hpp"

namespace emqx_store {
namespace {

constexpr std::size_t kMark = 1;  // octets in front of the kernel's key

std::string_view view(keel_str text) { return {text.data, text.size}; }

// The keys of a range, as RocksDB has them.
struct Range {
  explicit Range(const keel_store_query& query) {
    row_key(from_key, query.space, view(query.from));
    if (query.to.size != 0) {
      row_key(to_key, query.space, view(query.to));
    } else {
      row_key(to_key, static_cast<std::uint8_t>(query.space + 1), {});
    }
    from = from_key;
    to = to_key;
  }
  std::string from_key, to_key;
  rocksdb::Slice from, to;
};

std::unique_ptr<rocksdb::Iterator> iterate(rocksdb::DB& db, const Range& range) {
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &range.from;
  options.iterate_upper_bound = &range.to;
  options.fill_cache = false;  // pages of a queue are read once
  return std::unique_ptr<rocksdb::Iterator>(db.NewIterator(options));
}

// How much an answer may still take.
class Bounds {
 public:
  explicit Bounds(const keel_store_query& query)
      : rows_(query.max_rows != 0 ? query.max_rows : std::numeric_limits<std::uint64_t>::max()),
        bytes_(query.max_bytes != 0 ? query.max_bytes : std::numeric_limits<std::uint64_t>::max()) {
  }
  bool spent() const { return rows_ == 0 || bytes_ == 0; }
  void spend(std::uint64_t bytes) {
    --rows_;
    bytes_ -= std::min(bytes, bytes_);
  }

 private:
  std::uint64_t rows_, bytes_;
};

void add_row(Answer& answer, std::string_view key, rocksdb::Slice value) {
  answer.rows.push_back({.key_size = static_cast<std::uint32_t>(key.size()),
                         .value_size = static_cast<std::uint32_t>(value.size()),
                         .at = answer.octets.size()});
  answer.octets.append(key);
  answer.octets.append(value.data(), value.size());
}

std::string_view kernel_key(const rocksdb::Iterator& row) {
  return row.key().ToStringView().substr(kMark);
}

void range(rocksdb::DB& db, const keel_store_query& query, Answer& answer) {
  const Range bounds(query);
  Bounds left(query);
  auto row = iterate(db, bounds);
  std::string last = bounds.from_key;
  row->SeekToFirst();
  for (;;) {
    for (; row->Valid() && !left.spent(); row->Next()) {
      add_row(answer, kernel_key(*row), row->value());
      left.spend(row->key().size() - kMark + row->value().size());
      last = row->key().ToString();
    }
    answer.more = row->Valid();
    if (row->status().ok()) return;
    answer.outcome = outcome_of(row->status(), "cannot read rows");
    if (!row->status().IsCorruption()) return;
    // What is damaged is a range of keys: behind it the answer goes on.
    const auto end = end_of_damage(db, last);
    if (!end || bounds.to.compare(*end) <= 0) return;
    row = iterate(db, bounds);
    row->Seek(*end);
  }
}

void last(rocksdb::DB& db, const keel_store_query& query, Answer& answer) {
  const Range bounds(query);
  const auto row = iterate(db, bounds);
  row->SeekToLast();
  if (row->Valid()) add_row(answer, kernel_key(*row), row->value());
  answer.outcome = outcome_of(row->status(), "cannot read the last row");
}

void count(rocksdb::DB& db, const keel_store_query& query, Answer& answer) {
  const Range bounds(query);
  Bounds left(query);
  const auto row = iterate(db, bounds);
  for (row->SeekToFirst(); row->Valid() && !left.spent(); row->Next()) {
    const std::uint64_t octets = row->key().size() - kMark + row->value().size();
    ++answer.counted;
    answer.counted_octets += octets;
    left.spend(octets);
  }
  answer.more = row->Valid();
  answer.outcome = outcome_of(row->status(), "cannot count rows");
}

// Keys are looked up one after the other, so that an answer never takes more memory than its
// bounds.
void many(rocksdb::DB& db, const keel_store_query& query, Answer& answer) {
  Bounds left(query);
  std::string key;
  rocksdb::PinnableSlice value;
  for (std::uint32_t i = 0; i < query.key_count; ++i) {
    if (left.spent()) {
      answer.more = true;
      return;
    }
    row_key(key, query.space, view(query.keys[i]));
    value.Reset();
    const auto status = db.Get(rocksdb::ReadOptions(), db.DefaultColumnFamily(), key, &value);
    if (status.ok()) {
      add_row(answer, view(query.keys[i]), value);
      left.spend(query.keys[i].size + value.size());
    } else if (!status.IsNotFound() && answer.outcome) {
      answer.outcome = outcome_of(status, "cannot read a row");
    }
  }
}

}  // namespace

Answer Engine::read(const keel_store_query& query) const {
  Answer answer;
  switch (query.space < KEEL_STORE_SPACES ? query.kind : 0) {
    case KEEL_STORE_RANGE:
      range(*db_, query, answer);
      break;
    case KEEL_STORE_LAST:
      last(*db_, query, answer);
      break;
    case KEEL_STORE_COUNT:
      count(*db_, query, answer);
      break;
    case KEEL_STORE_MANY:
      many(*db_, query, answer);
      break;
    default:
      answer.outcome = {Fault::io, "the broker asks in a way that emqx_store does not know"};
  }
  return answer;
}

}  // namespace emqx_store
