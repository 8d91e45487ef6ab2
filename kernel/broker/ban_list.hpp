// The list of bans: kept, written to the disk, given to the shards. What an operator changes holds
// when the call returns and is on the disk then; what the broker bans by itself follows with the
// next tick, many at once, so that a storm of such bans costs little. Part of the Realm. [any]
// unless marked.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/base/ban_table.hpp"
#include "kernel/base/result.hpp"

namespace keel::kernel {

class BanFile;
class WorkerPool;

// What the shards are told.
struct BanChange {
  std::shared_ptr<const BanTable> table;
  std::vector<std::string> clients;  // banned since the last time
  bool others = false;               // user names or addresses were
};
using BanChangePtr = std::shared_ptr<const BanChange>;

class BanList {
 public:
  static constexpr std::size_t kMax = 100'000;
  static constexpr std::size_t kMaxAutomatic = kMax / 2;  // more are the operator's only

  // `publish` is called for one change after the other.
  explicit BanList(std::function<void(BanChangePtr)> publish);
  BanList(const BanList&) = delete;
  BanList& operator=(const BanList&) = delete;
  ~BanList();

  // Takes over what the file holds and writes changes to it from now on. [control, once]
  Result<void> open(const std::string& path, std::int64_t now_s);
  // Writes what is not on the disk yet; from then on only what an operator changes. [control]
  void close();

  // In the place of a ban of the same kind and value. An error may be that it holds, but is not on
  // the disk; the text tells.
  Result<void> add(Ban ban);
  Result<bool> remove(BanKind kind, std::string_view id);  // false: there is none
  // One that the broker makes by itself. Never shortens one that is there. Does not block.
  void suggest(Ban ban);

  std::vector<BanPtr> list() const;  // by kind and value
  std::size_t size() const;

  // Ends what is over, and takes in what was suggested. [control]
  void tick(std::int64_t now_s);

 private:
  static constexpr std::size_t kExpirePerTick = 10'000;

  void put(BanPtr ban);
  void erase(const BanPtr& ban);
  void take_suggestion(Ban ban);
  void publish();
  Result<void> save(std::uint64_t version);
  void save_later();

  const std::function<void(BanChangePtr)> publish_;

  mutable std::mutex mutex_;
  BanTable table_;                                  // under mutex_, as what follows
  std::set<std::pair<std::int64_t, BanPtr>> ends_;  // by when they are over
  BanChange news_;                                  // not published yet; without table
  bool changed_ = false;                            // since the last publication
  std::uint64_t version_ = 0;                       // grows with every change

  std::mutex suggested_mutex_;
  std::vector<Ban> suggested_;  // under suggested_mutex_

  std::mutex file_mutex_;
  std::unique_ptr<BanFile> file_;       // under file_mutex_; none: nothing is written
  std::uint64_t saved_ = 0;             // under file_mutex_: the version on the disk
  std::unique_ptr<WorkerPool> writer_;  // [control]
  std::uint64_t queued_ = 0;            // [control]: the version the writer was asked for
};

}  // namespace keel::kernel
