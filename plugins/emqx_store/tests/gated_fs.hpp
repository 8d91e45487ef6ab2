// A file system whose syncs of the write-ahead log can be held, counted and made to fail. Any
// thread.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace emqx_store_test {

class GatedFs final : public rocksdb::FileSystemWrapper {
 public:
  GatedFs() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "GatedFs"; }

  // Syncs that begin from now on do not end before let_go().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  // Returns when a sync is being held.
  void wait_for_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  // Syncs fail, and nothing new can be opened for writing.
  void fail(bool yes) {
    const std::lock_guard lock(mutex_);
    failing_ = yes;
  }
  std::uint64_t syncs() const {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    {
      const std::lock_guard lock(mutex_);
      if (failing_) return error();
    }
    auto status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok() && name.ends_with(".log"))
      *file = std::make_unique<Log>(*this, std::move(*file));
    return status;
  }

 private:
  class Log final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Log(GatedFs& fs, std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      const auto passed = fs_.pass();
      return passed.ok() ? target()->Sync(options, debug) : passed;
    }

   private:
    GatedFs& fs_;
  };

  static rocksdb::IOStatus error() { return rocksdb::IOStatus::IOError("the disk is out"); }
  rocksdb::IOStatus pass() {
    std::unique_lock lock(mutex_);
    ++syncs_;
    if (held_) {
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !held_; });
      --waiting_;
    }
    return failing_ ? error() : rocksdb::IOStatus::OK();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, failing_ = false;
  int waiting_ = 0;
  std::uint64_t syncs_ = 0;
};

// An environment on it.
struct GatedEnv {
  std::shared_ptr<GatedFs> fs = std::make_shared<GatedFs>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(fs);
};

}  // namespace emqx_store_test
