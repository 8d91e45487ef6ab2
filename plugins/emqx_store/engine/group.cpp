#include "emqx_store/engine/group.hpp"

#include <algorithm>
#include <memory>
#include <string_view>

#include "emqx_store/engine/layout.hpp"

namespace emqx_store {
namespace {

constexpr std::uint32_t kFewRows = 1000;

std::string_view view(keel_str text) { return {text.data, text.size}; }

Outcome taken(const rocksdb::Status& status) { return outcome_of(status, "cannot take a change"); }

bool has_range(const keel_store_batch& batch) {
  return std::any_of(batch.ops, batch.ops + batch.op_count,
                     [](const keel_store_op& op) { return op.kind == KEEL_STORE_ERASE_RANGE; });
}

}  // namespace

Outcome Group::add(const keel_store_batch& batch) {
  // The rows of a range are looked up in the store: all that came before has to be there.
  if (ticket_ != 0 && has_range(batch)) {
    if (Outcome written = write(false); !written) return written;
  }
  for (std::uint32_t i = 0; i < batch.op_count; ++i) {
    if (Outcome added = add(batch, i); !added) return added;
  }
  ticket_ = batch.ticket;
  return {};
}

Outcome Group::add(const keel_store_batch& batch, std::uint32_t index) {
  const keel_store_op& op = batch.ops[index];
  if (op.space < KEEL_STORE_SPACES) {
    switch (op.kind) {
      case KEEL_STORE_PUT:
        return put(op);
      case KEEL_STORE_ERASE:
        return erase(op);
      case KEEL_STORE_ERASE_RANGE:
        return erase_range(batch, index);
      case KEEL_STORE_HOLD:
        return hold(op);
      case KEEL_STORE_RELEASE:
        return release(op);
    }
  }
  return {Fault::io, "the broker wants a change that this version of emqx_store does not know"};
}

Outcome Group::put(const keel_store_op& op) {
  row_key(key_, op.space, view(op.key));
  return taken(out_.Put(key_, rocksdb::Slice(op.value.data, op.value.size)));
}

Outcome Group::hold(const keel_store_op& op) {
  if (op.count == 0) return {};  // nobody would ever release it
  shared_.counted_spaces |= static_cast<std::uint16_t>(1u << op.space);
  count_key(key_, op.space, view(op.key));
  changed_[key_].holders = op.count;
  return put(op);
}

Outcome Group::load_count(const std::string& key, Counts::iterator& found) {
  found = changed_.find(key);
  if (found != changed_.end()) return {};
  Count count{.holders = 0, .stored = true};
  if (const std::uint32_t* const known = shared_.counts.find(key)) {
    count.holders = *known;
  } else {
    rocksdb::PinnableSlice value;
    const auto status = db_.Get(rocksdb::ReadOptions(), db_.DefaultColumnFamily(), key, &value);
    count.stored = status.ok();
    if (!status.ok() && !status.IsNotFound()) {
      return outcome_of(status, "cannot read how many hold a message");
    }
    if (status.ok() && !read_count_value(value.ToStringView(), count.holders)) {
      return {Fault::damaged, "how many hold a message is no number"};
    }
  }
  found = changed_.emplace(key, count).first;
  return {};
}

Outcome Group::release(const keel_store_op& op) {
  count_key(key_, op.space, view(op.key));
  Counts::iterator found;
  if (Outcome loaded = load_count(key_, found); !loaded) return loaded;
  Count& count = found->second;
  if (count.holders == 0) {
    ++shared_.unknown_releases;
    return {};
  }
  count.holders -= std::min(op.count, count.holders);
  if (count.holders != 0) return {};
  row_key(key_, op.space, view(op.key));
  return taken(out_.Delete(key_));
}

Outcome Group::erase(const keel_store_op& op) {
  if ((shared_.counted_spaces & 1u << op.space) != 0) {
    count_key(key_, op.space, view(op.key));
    changed_[key_] = {.holders = 0, .stored = true};
  }
  row_key(key_, op.space, view(op.key));
  return taken(out_.Delete(key_));
}

Outcome Group::erase_range(const keel_store_batch& batch, std::uint32_t index) {
  const keel_store_op& op = batch.ops[index];
  const std::string_view from = view(op.key), to = view(op.value);
  if (from >= to) return {};
  // What this very batch put before is not in the store yet.
  for (std::uint32_t i = 0; i < index; ++i) {
    const keel_store_op& before = batch.ops[i];
    if (before.space != op.space) continue;
    if (before.kind != KEEL_STORE_PUT && before.kind != KEEL_STORE_HOLD) continue;
    if (view(before.key) < from || view(before.key) >= to) continue;
    row_key(key_, op.space, view(before.key));
    if (Outcome erased = taken(out_.Delete(key_)); !erased) return erased;
  }
  row_key(key_, op.space, from);
  row_key(end_, op.space, to);
  if (Outcome erased = erase_rows(); !erased) return erased;
  return (shared_.counted_spaces & 1u << op.space) != 0 ? erase_counts(op) : Outcome();
}

Outcome Group::erase_rows() {
  const rocksdb::Slice end(end_);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &end;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> rows(db_.NewIterator(options));
  const std::size_t before = out_.GetDataSize();
  out_.SetSavePoint();
  std::uint32_t count = 0;
  for (rows->Seek(key_); rows->Valid() && count < kFewRows; rows->Next(), ++count) {
    if (Outcome erased = taken(out_.Delete(rows->key())); !erased) return erased;
  }
  // Many, or they cannot be read: one tombstone then.
  const bool few = !rows->Valid() && rows->status().ok();
  if (few) return taken(out_.PopSavePoint());
  if (out_.GetDataSize() != before) {
    if (Outcome undone = taken(out_.RollbackToSavePoint()); !undone) return undone;
  }
  return taken(out_.DeleteRange(key_, end_));
}

Outcome Group::erase_counts(const keel_store_op& op) {
  count_key(key_, op.space, view(op.key));
  count_key(end_, op.space, view(op.value));
  for (auto& [key, count] : changed_) {
    if (key >= key_ && key < end_) count = {.holders = 0, .stored = true};
  }
  shared_.counts.clear();
  return erase_rows();
}

Outcome Group::put_counts() {
  for (const auto& [key, count] : changed_) {
    rocksdb::Status status;
    if (count.holders != 0) {
      status = out_.Put(key, count_value(count.holders));
    } else if (count.stored) {
      status = out_.Delete(key);
    }
    if (!status.ok()) return taken(status);
  }
  return {};
}

void Group::remember_counts() {
  for (const auto& [key, count] : changed_) {
    if (count.holders != 0) {
      shared_.counts.put(key, count.holders);
    } else {
      shared_.counts.erase(key);
    }
  }
  changed_.clear();
}

Outcome Group::write(bool sync) {
  if (Outcome put = put_counts(); !put) return put;
  const std::string key(kTicketKey);
  if (Outcome put = taken(out_.Put(key, number_value(ticket_))); !put) return put;
  rocksdb::WriteOptions options;
  options.sync = sync;
  if (const auto status = db_.Write(options, &out_); !status.ok()) {
    return outcome_of(status, "cannot write");
  }
  remember_counts();
  out_.Clear();
  return {};
}

}  // namespace emqx_store
