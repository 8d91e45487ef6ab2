#include <unistd.h>

#include <utility>

#include "emqx_store/tests/fault_fs.hpp"

namespace emqx_store::test {
namespace {

using Status = rocksdb::IOStatus;

class FailingFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FailingFile(FailingFs& fs, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), fs_(fs) {}

  Status Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                rocksdb::IODebugContext* debug) override {
    if (Status failed = fs_.next("write"); !failed.ok()) {
      const rocksdb::Slice half(data.data(), data.size() / 2);
      target()->Append(half, options, debug).PermitUncheckedError();
      return failed;
    }
    return target()->Append(data, options, debug);
  }
  Status Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                const rocksdb::DataVerificationInfo&, rocksdb::IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  Status Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    const Status failed = fs_.next("sync");
    return failed.ok() ? target()->Sync(options, debug) : failed;
  }
  Status Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    const Status failed = fs_.next("sync");
    return failed.ok() ? target()->Fsync(options, debug) : failed;
  }

 private:
  FailingFs& fs_;
};

class FailingDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FailingDirectory(FailingFs& fs, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), fs_(fs) {}

  Status Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    const Status failed = fs_.next("sync of a directory");
    return failed.ok() ? FSDirectoryWrapper::Fsync(options, debug) : failed;
  }
  Status FsyncWithDirOptions(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug,
                             const rocksdb::DirFsyncOptions& what) override {
    const Status failed = fs_.next("sync of a directory");
    return failed.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, debug, what) : failed;
  }

 private:
  FailingFs& fs_;
};

}  // namespace

FailingFs::FailingFs(const std::shared_ptr<rocksdb::FileSystem>& target)
    : FileSystemWrapper(target) {}

void FailingFs::fail_every(std::uint32_t n, Error error) {
  const std::lock_guard lock(mutex_);
  every_ = n;
  every_error_ = error;
}

void FailingFs::fail_from(std::uint64_t n, Error error) {
  const std::lock_guard lock(mutex_);
  from_ = operations_ + n;
  from_error_ = error;
}

void FailingFs::fail_while(std::string path, Error error) {
  const std::lock_guard lock(mutex_);
  whiles_.push_back({std::move(path), error});
}

void FailingFs::heal() {
  const std::lock_guard lock(mutex_);
  every_ = 0;
  from_ = 0;
  whiles_.clear();
}

Status FailingFs::failure(Error error, const char* what) {
  ++failures_;
  const std::string text = std::string(what) + ": made to fail";
  Status status = error == Error::no_space ? Status::NoSpace(text, "No space left on device")
                                           : Status::IOError(text, "Input/output error");
  status.SetRetryable(error == Error::no_space);  // as the system's file system has it
  return status;
}

Status FailingFs::next(const char* what) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t number = ++operations_;
  if (from_ != 0 && number >= from_) return failure(from_error_, what);
  if (every_ != 0 && number % every_ == 0) return failure(every_error_, what);
  for (const While& w : whiles_) {
    if (::access(w.path.c_str(), F_OK) == 0) return failure(w.error, what);
  }
  return Status::OK();
}

Status FailingFs::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                  std::unique_ptr<rocksdb::FSWritableFile>* out, Debug* debug) {
  if (Status failed = next("new file"); !failed.ok()) return failed;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const Status status = target()->NewWritableFile(path, options, &file, debug);
  if (status.ok()) *out = std::make_unique<FailingFile>(*this, std::move(file));
  return status;
}

Status FailingFs::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* out, Debug* debug) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  const Status status = target()->ReopenWritableFile(path, options, &file, debug);
  if (status.ok()) *out = std::make_unique<FailingFile>(*this, std::move(file));
  return status;
}

Status FailingFs::NewDirectory(const std::string& path, const Options& options,
                               std::unique_ptr<rocksdb::FSDirectory>* out, Debug* debug) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  const Status status = target()->NewDirectory(path, options, &directory, debug);
  if (status.ok()) *out = std::make_unique<FailingDirectory>(*this, std::move(directory));
  return status;
}

Status FailingFs::CreateDir(const std::string& path, const Options& options, Debug* debug) {
  const Status failed = next("new directory");
  return failed.ok() ? target()->CreateDir(path, options, debug) : failed;
}

Status FailingFs::RenameFile(const std::string& from, const std::string& to, const Options& options,
                             Debug* debug) {
  const Status failed = next("rename");
  return failed.ok() ? target()->RenameFile(from, to, options, debug) : failed;
}

Status FailingFs::LinkFile(const std::string& from, const std::string& to, const Options& options,
                           Debug* debug) {
  const Status failed = next("link");
  return failed.ok() ? target()->LinkFile(from, to, options, debug) : failed;
}

Status FailingFs::GetFreeSpace(const std::string& path, const Options& options, std::uint64_t* out,
                               Debug* debug) {
  const std::lock_guard lock(mutex_);
  bool full = from_ != 0 && operations_ >= from_ && from_error_ == Error::no_space;
  for (const While& w : whiles_) {
    full |= w.error == Error::no_space && ::access(w.path.c_str(), F_OK) == 0;
  }
  if (!full) return target()->GetFreeSpace(path, options, out, debug);
  *out = 0;
  return Status::OK();
}

}  // namespace emqx_store::test
