#include "emqx_store/engine/migration.hpp"

#include <algorithm>
#include <string>

#include "emqx_store/engine/layout.hpp"

namespace emqx_store {
namespace {

Outcome write_layout(rocksdb::DB& db, std::uint32_t layout) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const std::string key(kLayoutKey);
  return outcome_of(db.Put(options, key, number_value(layout)), "cannot write the store's layout");
}

// 0: the store is new. A store with rows and without a layout was damaged.
Outcome read_layout(rocksdb::DB& db, std::uint64_t& layout) {
  std::string value;
  const std::string key(kLayoutKey);
  const rocksdb::Status status = db.Get({}, key, &value);
  if (status.IsNotFound()) {
    const std::unique_ptr<rocksdb::Iterator> rows(db.NewIterator({}));
    rows->SeekToFirst();
    if (rows->Valid()) return {Fault::damaged, "the store does not say which layout it has"};
    layout = 0;
    return outcome_of(rows->status(), "cannot read the store");
  }
  if (!status.ok()) return outcome_of(status, "cannot read the store's layout");
  if (!read_number_value(value, layout) || layout == 0) {
    return {Fault::damaged, "what the store says of its layout makes no sense"};
  }
  return {};
}

}  // namespace

const Layouts& own_layouts() {
  static constexpr Layouts layouts{.current = kLayoutVersion, .migrations = {}};
  return layouts;
}

Outcome migrate(rocksdb::DB& db, const Layouts& layouts, bool& is_new) {
  std::uint64_t layout = 0;
  if (Outcome read = read_layout(db, layout); !read) return read;
  is_new = layout == 0;
  if (is_new) return write_layout(db, layouts.current);
  if (layout > layouts.current) {
    return {Fault::newer, "the store has layout " + std::to_string(layout) +
                              ", this version of emqx_store knows " +
                              std::to_string(layouts.current) +
                              " at most: load the version that wrote it, or a later one"};
  }
  for (; layout < layouts.current; ++layout) {
    const auto step = std::find_if(layouts.migrations.begin(), layouts.migrations.end(),
                                   [&](const Migration& m) { return m.from == layout; });
    if (step == layouts.migrations.end()) {
      return {Fault::newer, "the store has layout " + std::to_string(layout) +
                                ", which this version of emqx_store cannot bring up to date: load "
                                "an older version first"};
    }
    if (Outcome run = step->run(db); !run) return run;
    if (Outcome written = write_layout(db, step->from + 1); !written) return written;
  }
  return {};
}

}  // namespace emqx_store
