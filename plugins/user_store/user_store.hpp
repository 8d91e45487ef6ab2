// The users: a table in memory and the file behind it. Looked up by any thread; changed by one job
// at a time, on the worker pool, which writes what has gathered meanwhile at once. A change is
// visible, and its `done` called, when it is on the disk.
#pragma once

#include <keel/result.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "user_store/store_file.hpp"
#include "user_store/user_table.hpp"

namespace user_store {

class UserStore {
 public:
  // Runs a function where it may block; false: not possible now.
  using Run = std::function<bool(std::function<void()> job)>;
  enum class Outcome : std::uint8_t { done, exists, unknown, changed, failed };
  struct Change {
    enum class Kind : std::uint8_t {
      add,      // Outcome::exists
      update,   // Outcome::unknown
      remove,   // Outcome::unknown
      upgrade,  // a better hash of the same password; `changed` unless the value is `expected`
      wait      // changes nothing: `done` is called when everything before it is on the disk
    };
    Kind kind = Kind::add;
    std::string name = {}, value = {}, expected = {};
    // On a worker, or, with `failed`, on the thread of submit(). `problem`: why it failed.
    std::function<void(Outcome outcome, std::string_view problem)> done = {};
  };
  struct Imported {
    std::size_t added = 0, replaced = 0, kept = 0;
    std::vector<std::string> changed = {};  // the names of those replaced
  };
  // An import: reads entries, and adds them all, or none. Names that are there already are kept, or
  // replaced.
  struct Import {
    std::function<keel::Result<std::vector<Entry>>()> read;
    bool replace = false;
    std::function<void(keel::Result<Imported>)> done;
  };

  explicit UserStore(Run run) : run_(std::move(run)) {}

  keel::Status open(const std::string& path);  // [control], with nothing under way
  void close();                                // the same; what still waits is forgotten

  // The value of a user, see UserValue. [any]
  std::optional<std::string> find(std::string_view name) const { return table_.find(name); }
  const UserTable& table() const { return table_; }
  const StoreFile& file() const { return file_; }  // its path, secret and notice only

  void submit(Change change);  // [any]
  void submit(Import import);  // [any]
  // Grows with every change but upgrades. [any]
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // Whether the user was changed, but for upgrades, after the store had that generation. [any]
  bool changed_since(std::uint64_t generation, const std::string& name) const;
  // What the last failure of the disk was; empty: the last change succeeded. [any]
  std::string trouble() const;

 private:
  // What a batch will have made of a name: null when it is gone.
  using Future = std::map<std::string, std::optional<std::string>, std::less<>>;

  void start_lane();
  void run_lane();
  void write_batch(std::vector<Change>& batch);
  Outcome decide(const Change& change, Future& future) const;
  keel::Status write(const Future& future);
  void run_import(const Import& import);
  keel::Result<Imported> add_all(std::vector<Entry> entries, bool replace);
  keel::Status append(std::string_view lines);
  keel::Status append_all(const std::vector<Entry>& entries);
  keel::Status rewrite();
  void tidy();
  void remember_changed(const std::vector<std::string>& names);
  void note(const keel::Status& status);

  const Run run_;
  UserTable table_;
  StoreFile file_;  // of the job under way
  std::atomic<std::uint64_t> generation_{0};

  mutable std::mutex mutex_;  // of what follows
  std::vector<Change> changes_;
  std::deque<Import> imports_;
  bool running_ = false;
  std::string trouble_;
  std::unordered_map<std::string, std::uint64_t> changed_;  // the latest names, and in which
  std::uint64_t changed_forgotten_ = 0;  // the generation until which `changed_` is not complete
};

}  // namespace user_store
