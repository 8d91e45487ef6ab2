#include "emqx_store/engine/readable_rows.hpp"

#include <array>
#include <memory>
#include <optional>

#include "emqx_store/engine/layout.hpp"

namespace emqx_store {
namespace {

constexpr std::size_t kDepth = 64;  // octets of a key that are worth telling apart

rocksdb::ReadOptions read_options() {
  rocksdb::ReadOptions out;
  out.fill_cache = false;
  out.verify_checksums = true;
  return out;
}

// For people: the space, and the key as hexadecimal digits.
std::string name_of(const std::string& key) {
  if (key.empty()) return "the beginning";
  const auto mark = static_cast<unsigned char>(key[0]);
  std::string out = mark == kEngineMark ? std::string("the store's own rows")
                                        : "space " + std::to_string(mark & ~kCountMark);
  if (mark != kEngineMark && (mark & kCountMark) != 0) out += " (holders)";
  static constexpr std::array digits{'0', '1', '2', '3', '4', '5', '6', '7',
                                     '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  out += " key ";
  for (std::size_t i = 1; i < key.size() && i < 33; ++i) {
    const auto octet = static_cast<unsigned char>(key[i]);
    out += {digits[octet >> 4], digits[octet & 15]};
  }
  return key.size() > 33 ? out + "..." : out;
}

class Reading {
 public:
  explicit Reading(rocksdb::DB& db) : db_(db), rows_(db.NewIterator(read_options())) {}

  rocksdb::Iterator& rows() { return *rows_; }
  void seek(const std::string& key) {
    rows_.reset(db_.NewIterator(read_options()));
    rows_->Seek(key);
  }
  // Where reading can go on behind `last`: a part that is damaged serves a contiguous range of
  // keys, so that the end of it is found octet by octet. None: nowhere.
  std::optional<std::string> end_of_damage(const std::string& last) {
    std::optional<std::string> end;
    std::string prefix;
    while (prefix.size() < kDepth) {
      int low = -1, high = 256;  // the octet `low` is within the damage, `high` behind it
      while (high - low > 1) {
        const int middle = (low + high) / 2;
        (readable(prefix + static_cast<char>(middle), last) ? high : low) = middle;
      }
      if (high < 256) end = prefix + static_cast<char>(high);
      if (low < 0) break;
      prefix.push_back(static_cast<char>(low));
    }
    return end;
  }

 private:
  bool readable(const std::string& key, const std::string& last) {
    if (key <= last) return false;
    seek(key);
    return rows_->status().ok();
  }

  rocksdb::DB& db_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

using Row = std::function<bool(std::string_view key, std::string_view value)>;

// Rows behind `last` and before `end`. False: `row` wants no more.
bool rows_between(rocksdb::DB& db, const std::string& last, const std::optional<std::string>& end,
                  const Row& row, rocksdb::Status& status) {
  const std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator(read_options()));
  for (rows->Seek(last); rows->Valid(); rows->Next()) {
    if (end && rows->key().compare(*end) >= 0) break;
    if (!last.empty() && rows->key() == rocksdb::Slice(last)) continue;
    if (!row(rows->key().ToStringView(), rows->value().ToStringView())) return false;
  }
  status = rows->status();
  return true;
}

}  // namespace

std::optional<std::string> end_of_damage(rocksdb::DB& db, const std::string& last) {
  return Reading(db).end_of_damage(last);
}

Outcome for_each_readable_row(rocksdb::DB& db, rocksdb::DB* rest, const Row& row,
                              std::vector<std::string>& lost) {
  Reading reading(db);
  std::string last;
  reading.seek(last);
  for (;;) {
    for (; reading.rows().Valid(); reading.rows().Next()) {
      last = reading.rows().key().ToString();
      if (!row(last, reading.rows().value().ToStringView())) return {};
    }
    rocksdb::Status status = reading.rows().status();
    if (status.ok()) return {};
    if (!status.IsCorruption()) return outcome_of(status, "cannot read the old store");
    const auto end = reading.end_of_damage(last);
    lost.push_back("a part of a table is lost that had rows behind " + name_of(last) +
                   " and before " + (end ? name_of(*end) : std::string("the end")) + " (" +
                   status.ToString() + "); what they had erased or replaced may have come back");
    if (rest != nullptr && !rows_between(*rest, last, end, row, status)) return {};
    if (rest != nullptr && !status.ok()) return outcome_of(status, "cannot read the old store");
    if (!end) return {};
    reading.seek(*end);
  }
}

}  // namespace emqx_store
