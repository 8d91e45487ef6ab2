// FakeHost's table kv. Part of keel/fake.hpp.
#pragma once

#include "keel/ext/kv.h"
#include "keel/fake/sessions.hpp"

namespace keel {

// What a plugin keeps in the broker's store. The same one, given to one FakeHost after the other,
// is what the plugin finds again after a restart.
struct FakeKv {
  std::map<std::string, std::string> rows;  // as the plugin sees them
  // All of it is on disk from now on.
  void commit() { safe_ = rows; }
  // What was not committed is gone, as after a loss of power or kill -9.
  void lose_power() { rows = safe_; }

 private:
  std::map<std::string, std::string> safe_;
};

}  // namespace keel

namespace keel::fake {

class KvTable : public SessionTable {
 public:
  using SessionTable::SessionTable;

  // ---- for tests ----
  // Null: no store is loaded.
  std::shared_ptr<FakeKv> kv;
  // False: the disk does not answer; sync() waits, until commit_kv().
  bool kv_commits = true;
  void commit_kv();

 protected:
  // Syncs under way are answered: as cancelled, within cancel_waiting().
  void finish_syncs();

  const keel_ext_kv& kv_table();

 private:
  struct Sync {
    keel_task_fn done;
    void* ctx;
    std::uint32_t shard;
  };
  static KvTable& of(const keel_host* host) {
    return static_cast<KvTable&>(*instance(host).kernel);
  }
  keel_status begins(const keel_host* host, const char* function, On where);
  keel_status writes(const keel_host* host, const char* function, keel_str key, std::size_t value);
  keel_status sync(const keel_host* host, keel_task_fn done, void* ctx, std::uint32_t shard);
  keel_status list(const keel_host* host, std::string_view prefix, std::string_view after,
                   std::uint32_t max, void (*row)(void*, keel_str, keel_str), void* ctx);

  std::vector<Sync> syncs_waiting_;
};

}  // namespace keel::fake
