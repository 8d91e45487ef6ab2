// File systems that go wrong, for tests. Two layers that can be combined, each over the system's or
// over the other one. Any thread.
//
// The real broker runs on them with the target emqx_store_faulty (not installed). It makes
// plugins/emqx_store/faulty/emqx_store.so below the build directory: put that in a plugin directory
// in place of the plugin's own, and set the environment variable KEEL_STORE_FAULT to a list,
// separated by commas, of
//
//   lost_page_cache         what was written and not synced never reaches the disk: whenever the
//                           broker is killed, its files are as after a loss of power
//   fail_every=N:ENOSPC     every Nth write, sync, new file or rename fails; also N:EIO. N of 1 000
//                           or so: opening a store takes about 40 of them.
//   full_while=PATH         as long as the file PATH exists nothing can be written: ENOSPC
//   failing_while=PATH      likewise, with EIO
//
// for instance KEEL_STORE_FAULT=lost_page_cache,full_while=/tmp/x/full . A list that cannot be read
// ends the start of the store: the module throws std::invalid_argument with the word.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace emqx_store::test {

// A disk whose cache is lost. The real directory always is what a loss of power would leave: data
// gets there when a file is synced; names of new, renamed and deleted files when their directory
// is. Until then all of it lies in memory, and readers of this file system see it. Directories,
// locks, RocksDB's own log and renames of files that were on the disk already pass at once.
class LostCacheFs final : public rocksdb::FileSystemWrapper {
 public:
  explicit LostCacheFs(const std::shared_ptr<rocksdb::FileSystem>& target);
  const char* Name() const override { return "LostCacheFs"; }

  // The power fails: what lies in memory is gone, and nothing is written until power_on(). Who has
  // files open must be gone by then.
  void power_off();
  void power_on();

  using Options = rocksdb::IOOptions;
  using Debug = rocksdb::IODebugContext;
  using Status = rocksdb::IOStatus;
  Status NewSequentialFile(const std::string&, const rocksdb::FileOptions&,
                           std::unique_ptr<rocksdb::FSSequentialFile>*, Debug*) override;
  Status NewRandomAccessFile(const std::string&, const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSRandomAccessFile>*, Debug*) override;
  Status NewWritableFile(const std::string&, const rocksdb::FileOptions&,
                         std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) override;
  Status ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                            std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) override;
  Status ReuseWritableFile(const std::string&, const std::string&, const rocksdb::FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) override;
  Status NewRandomRWFile(const std::string&, const rocksdb::FileOptions&,
                         std::unique_ptr<rocksdb::FSRandomRWFile>*, Debug*) override;
  Status NewDirectory(const std::string&, const Options&, std::unique_ptr<rocksdb::FSDirectory>*,
                      Debug*) override;
  Status FileExists(const std::string&, const Options&, Debug*) override;
  Status GetChildren(const std::string&, const Options&, std::vector<std::string>*,
                     Debug*) override;
  Status GetChildrenFileAttributes(const std::string&, const Options&,
                                   std::vector<rocksdb::FileAttributes>*, Debug*) override;
  Status DeleteFile(const std::string&, const Options&, Debug*) override;
  Status Truncate(const std::string&, size_t, const Options&, Debug*) override;
  Status DeleteDir(const std::string&, const Options&, Debug*) override;
  Status GetFileSize(const std::string&, const Options&, std::uint64_t*, Debug*) override;
  Status GetFileModificationTime(const std::string&, const Options&, std::uint64_t*,
                                 Debug*) override;
  Status RenameFile(const std::string&, const std::string&, const Options&, Debug*) override;
  Status LinkFile(const std::string&, const std::string&, const Options&, Debug*) override;

 private:
  friend class LostCacheFile;
  friend class LostCacheDirectory;
  struct Node {
    std::string path;
    std::string head;     // synced, while the directory does not know the file
    std::string tail;     // not synced
    bool linked = false;  // it is on the disk under its name; `head` is empty
  };
  using NodePtr = std::shared_ptr<Node>;

  static std::string plain(const std::string& path);
  NodePtr find(const std::string& path) const;
  bool real(const std::string& path) const;  // on the disk, and not deleted
  Status sync(Node& node);
  Status link(Node& node);
  Status settle(const std::string& path);        // all of it goes to the disk
  Status settle_below(const std::string& path);  // likewise, of a directory
  Status sync_directory(const std::string& directory);
  void forget(const NodePtr& node);  // if the disk has all of it
  bool content(const std::string& path, std::string& out);

  mutable std::recursive_mutex mutex_;
  std::map<std::string, NodePtr> nodes_;
  std::set<std::string> removed_;  // deleted, while the directory does not know it
  std::uint64_t life_ = 0;         // files of earlier ones are dead
  bool off_ = false;
};

// A disk whose operations fail: a write that fails has written half of its data.
class FailingFs final : public rocksdb::FileSystemWrapper {
 public:
  enum class Error { no_space, io };

  explicit FailingFs(const std::shared_ptr<rocksdb::FileSystem>& target);
  const char* Name() const override { return "FailingFs"; }

  // Every Nth operation (write, sync, new file, rename, new directory) from now on; 0: none.
  void fail_every(std::uint32_t n, Error error);
  // The Nth operation from now on and all behind it, until heal().
  void fail_from(std::uint64_t n, Error error);
  // As long as this file exists all of them.
  void fail_while(std::string path, Error error);
  void heal();  // forgets all of these
  std::uint64_t operations() const { return operations_; }
  std::uint64_t failures() const { return failures_; }

  using Options = rocksdb::IOOptions;
  using Debug = rocksdb::IODebugContext;
  using Status = rocksdb::IOStatus;
  Status NewWritableFile(const std::string&, const rocksdb::FileOptions&,
                         std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) override;
  Status ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                            std::unique_ptr<rocksdb::FSWritableFile>*, Debug*) override;
  Status NewDirectory(const std::string&, const Options&, std::unique_ptr<rocksdb::FSDirectory>*,
                      Debug*) override;
  Status CreateDir(const std::string&, const Options&, Debug*) override;
  Status RenameFile(const std::string&, const std::string&, const Options&, Debug*) override;
  Status LinkFile(const std::string&, const std::string&, const Options&, Debug*) override;
  Status GetFreeSpace(const std::string&, const Options&, std::uint64_t*, Debug*) override;

  // For the files of it: OK, or the failure of the operation that is to come.
  Status next(const char* what);

 private:
  struct While {
    std::string path;
    Error error;
  };
  Status failure(Error error, const char* what);

  std::mutex mutex_;
  std::uint32_t every_ = 0;
  std::uint64_t from_ = 0;  // the number of the first operation that fails; 0: none
  Error every_error_ = Error::io, from_error_ = Error::io;
  std::vector<While> whiles_;
  std::atomic<std::uint64_t> operations_{0}, failures_{0};
};

// What KEEL_STORE_FAULT says, as an environment. Throws std::invalid_argument.
std::unique_ptr<rocksdb::Env> make_faulty_env(const std::string& faults);

}  // namespace emqx_store::test
