#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "emqx_store/tests/fault_fs.hpp"

namespace emqx_store::test {
namespace {

using Status = rocksdb::IOStatus;
using Lock = std::lock_guard<std::recursive_mutex>;

Status powerless() { return Status::IOError("made to fail", "the power is off"); }

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

bool below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// Writes what the disk has of a file; with `whole`, in place of what was there under that name.
Status put(const std::string& path, const std::string& data, bool whole) {
  const std::string name = whole ? path + ".linking" : path;
  std::ofstream out(name, std::ios::binary | (whole ? std::ios::trunc : std::ios::app));
  out.write(data.data(), static_cast<std::streamsize>(data.size()));
  out.close();
  if (!out) return Status::IOError(name, "cannot be written");
  if (whole && std::rename(name.c_str(), path.c_str()) != 0) {
    return Status::IOError(name, "cannot be renamed");
  }
  return Status::OK();
}

// A file as it was when it was opened.
class Copy {
 public:
  explicit Copy(std::string octets) : octets_(std::move(octets)) {}
  Status read(std::uint64_t at, std::size_t n, rocksdb::Slice* result, char* scratch) const {
    const std::size_t begin = std::min<std::uint64_t>(at, octets_.size());
    n = std::min(n, octets_.size() - begin);
    std::memcpy(scratch, octets_.data() + begin, n);
    *result = rocksdb::Slice(scratch, n);
    return Status::OK();
  }

 private:
  std::string octets_;
};

class SequentialCopy final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialCopy(std::string octets) : copy_(std::move(octets)) {}
  Status Read(size_t n, const rocksdb::IOOptions&, rocksdb::Slice* result, char* scratch,
              rocksdb::IODebugContext*) override {
    const Status status = copy_.read(at_, n, result, scratch);
    at_ += result->size();
    return status;
  }
  Status Skip(std::uint64_t n) override {
    at_ += n;
    return Status::OK();
  }

 private:
  Copy copy_;
  std::uint64_t at_ = 0;
};

class RandomCopy final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomCopy(std::string octets) : copy_(std::move(octets)) {}
  Status Read(std::uint64_t at, size_t n, const rocksdb::IOOptions&, rocksdb::Slice* result,
              char* scratch, rocksdb::IODebugContext*) const override {
    return copy_.read(at, n, result, scratch);
  }

 private:
  Copy copy_;
};

}  // namespace

class LostCacheFile final : public rocksdb::FSWritableFile {
 public:
  LostCacheFile(LostCacheFs& fs, LostCacheFs::NodePtr node)
      : fs_(fs), node_(std::move(node)), life_(fs.life_) {}
  ~LostCacheFile() override {
    const Lock lock(fs_.mutex_);
    if (alive()) fs_.forget(node_);
  }

  Status Append(const rocksdb::Slice& data, const rocksdb::IOOptions&,
                rocksdb::IODebugContext*) override {
    const Lock lock(fs_.mutex_);
    if (!alive()) return powerless();
    node_->tail.append(data.data(), data.size());
    size_ += data.size();
    return Status::OK();
  }
  Status Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    const Lock lock(fs_.mutex_);
    return alive() ? fs_.sync(*node_) : powerless();
  }
  Status Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return Status::OK();
  }
  Status Flush(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return Status::OK();
  }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return size_;
  }

 private:
  bool alive() const { return !fs_.off_ && life_ == fs_.life_; }

  LostCacheFs& fs_;
  LostCacheFs::NodePtr node_;
  const std::uint64_t life_;
  std::uint64_t size_ = 0;
};

class LostCacheDirectory final : public rocksdb::FSDirectory {
 public:
  LostCacheDirectory(LostCacheFs& fs, std::string path)
      : fs_(fs), path_(std::move(path)), life_(fs.life_) {}
  Status Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    const Lock lock(fs_.mutex_);
    if (fs_.off_ || life_ != fs_.life_) return powerless();
    return fs_.sync_directory(path_);
  }
  Status Close(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return Status::OK();
  }

 private:
  LostCacheFs& fs_;
  const std::string path_;
  const std::uint64_t life_;
};

LostCacheFs::LostCacheFs(const std::shared_ptr<rocksdb::FileSystem>& target)
    : FileSystemWrapper(target) {}

void LostCacheFs::power_off() {
  const Lock lock(mutex_);
  nodes_.clear();
  removed_.clear();
  ++life_;
  off_ = true;
}

void LostCacheFs::power_on() {
  const Lock lock(mutex_);
  off_ = false;
}

std::string LostCacheFs::plain(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  }
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

LostCacheFs::NodePtr LostCacheFs::find(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found != nodes_.end() ? found->second : nullptr;
}

bool LostCacheFs::real(const std::string& path) const {
  return !removed_.contains(path) && target_->FileExists(path, {}, nullptr).ok();
}

Status LostCacheFs::sync(Node& node) {
  if (node.linked) {
    if (Status status = put(node.path, node.tail, false); !status.ok()) return status;
  } else {
    node.head += node.tail;
  }
  node.tail.clear();
  return Status::OK();
}

Status LostCacheFs::link(Node& node) {
  if (node.linked) return Status::OK();
  if (Status status = put(node.path, node.head, true); !status.ok()) return status;
  node.linked = true;
  node.head.clear();
  removed_.erase(node.path);
  return Status::OK();
}

void LostCacheFs::forget(const NodePtr& node) {
  if (node->linked && node->tail.empty() && find(node->path) == node) nodes_.erase(node->path);
}

Status LostCacheFs::settle(const std::string& path) {
  const NodePtr node = find(path);
  if (node == nullptr) return Status::OK();
  if (Status status = sync(*node); !status.ok()) return status;
  return link(*node);
}

Status LostCacheFs::settle_below(const std::string& path) {
  for (const auto& [name, node] : nodes_) {
    if (!below(name, path)) continue;
    if (Status status = settle(name); !status.ok()) return status;
  }
  for (auto name = removed_.begin(); name != removed_.end();) {
    if (!below(*name, path)) {
      ++name;
      continue;
    }
    target_->DeleteFile(*name, {}, nullptr).PermitUncheckedError();
    name = removed_.erase(name);
  }
  return Status::OK();
}

Status LostCacheFs::sync_directory(const std::string& directory) {
  std::vector<NodePtr> known;
  for (const auto& [name, node] : nodes_) {
    if (parent(name) != directory) continue;
    if (Status status = link(*node); !status.ok()) return status;
    if (node->tail.empty() && node.use_count() == 1) known.push_back(node);
  }
  for (const NodePtr& node : known) forget(node);
  for (auto name = removed_.begin(); name != removed_.end();) {
    if (parent(*name) != directory) {
      ++name;
      continue;
    }
    target_->DeleteFile(*name, {}, nullptr).PermitUncheckedError();
    name = removed_.erase(name);
  }
  return Status::OK();
}

// False: the disk has it as it is.
bool LostCacheFs::content(const std::string& path, std::string& out) {
  const NodePtr node = find(path);
  if (node == nullptr || (node->linked && node->tail.empty())) return false;
  out = node->head;
  if (node->linked) {
    std::ifstream in(path, std::ios::binary);
    out.assign(std::istreambuf_iterator<char>(in), {});
  }
  out += node->tail;
  return true;
}

Status LostCacheFs::NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                      Debug* debug) {
  const Lock lock(mutex_);
  const std::string path = plain(name);
  std::string octets;
  if (content(path, octets)) {
    *out = std::make_unique<SequentialCopy>(std::move(octets));
    return Status::OK();
  }
  if (removed_.contains(path)) return Status::PathNotFound(path);
  return target_->NewSequentialFile(path, options, out, debug);
}

Status LostCacheFs::NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                        Debug* debug) {
  const Lock lock(mutex_);
  const std::string path = plain(name);
  std::string octets;
  if (content(path, octets)) {
    *out = std::make_unique<RandomCopy>(std::move(octets));
    return Status::OK();
  }
  if (removed_.contains(path)) return Status::PathNotFound(path);
  return target_->NewRandomAccessFile(path, options, out, debug);
}

Status LostCacheFs::NewWritableFile(const std::string& name, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out, Debug*) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  const std::string path = plain(name);
  if (!target_->FileExists(parent(path), {}, nullptr).ok()) return Status::PathNotFound(path);
  auto node = std::make_shared<Node>();
  node->path = path;
  nodes_[path] = node;
  *out = std::make_unique<LostCacheFile>(*this, std::move(node));
  return Status::OK();
}

Status LostCacheFs::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* out,
                                       Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  if (Status status = settle(plain(name)); !status.ok()) return status;
  return target_->ReopenWritableFile(name, options, out, debug);
}

Status LostCacheFs::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* out, Debug* debug) {
  const Lock lock(mutex_);
  if (Status status = RenameFile(old_name, name, {}, debug); !status.ok()) return status;
  return NewWritableFile(name, options, out, debug);
}

Status LostCacheFs::NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* out, Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  if (Status status = settle(plain(name)); !status.ok()) return status;
  return target_->NewRandomRWFile(name, options, out, debug);
}

Status LostCacheFs::NewDirectory(const std::string& name, const Options& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* out, Debug* debug) {
  const Lock lock(mutex_);
  std::unique_ptr<rocksdb::FSDirectory> there;
  const Status status = target_->NewDirectory(name, options, &there, debug);
  if (status.ok()) *out = std::make_unique<LostCacheDirectory>(*this, plain(name));
  return status;
}

Status LostCacheFs::FileExists(const std::string& name, const Options& options, Debug* debug) {
  const Lock lock(mutex_);
  const std::string path = plain(name);
  if (find(path) != nullptr) return Status::OK();
  if (removed_.contains(path)) return Status::NotFound(path);
  return target_->FileExists(path, options, debug);
}

Status LostCacheFs::GetChildren(const std::string& name, const Options& options,
                                std::vector<std::string>* out, Debug* debug) {
  const Lock lock(mutex_);
  const std::string directory = plain(name);
  if (Status status = target_->GetChildren(directory, options, out, debug); !status.ok()) {
    return status;
  }
  std::erase_if(*out, [&](const std::string& child) {
    const std::string path = directory + "/" + child;
    return removed_.contains(path) || nodes_.contains(path);
  });
  for (const auto& [path, node] : nodes_) {
    if (parent(path) == directory) out->push_back(path.substr(directory.size() + 1));
  }
  return Status::OK();
}

Status LostCacheFs::GetChildrenFileAttributes(const std::string& directory, const Options& options,
                                              std::vector<rocksdb::FileAttributes>* out,
                                              Debug* debug) {
  return FileSystem::GetChildrenFileAttributes(directory, options, out, debug);
}

Status LostCacheFs::DeleteFile(const std::string& name, const Options& options, Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  const std::string path = plain(name);
  const bool known = nodes_.erase(path) != 0;
  if (real(path)) {
    removed_.insert(path);
    return Status::OK();
  }
  return known ? Status::OK() : target_->DeleteFile(path + ".missing", options, debug);
}

Status LostCacheFs::Truncate(const std::string& name, size_t size, const Options& options,
                             Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  if (Status status = settle(plain(name)); !status.ok()) return status;
  return target_->Truncate(name, size, options, debug);
}

Status LostCacheFs::DeleteDir(const std::string& name, const Options& options, Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  if (Status status = settle_below(plain(name)); !status.ok()) return status;
  return target_->DeleteDir(name, options, debug);
}

Status LostCacheFs::GetFileSize(const std::string& name, const Options& options,
                                std::uint64_t* size, Debug* debug) {
  const Lock lock(mutex_);
  const std::string path = plain(name);
  const NodePtr node = find(path);
  if (node != nullptr && !node->linked) {
    *size = node->head.size() + node->tail.size();
    return Status::OK();
  }
  if (node == nullptr && removed_.contains(path)) return Status::PathNotFound(path);
  const Status status = target_->GetFileSize(path, options, size, debug);
  if (status.ok() && node != nullptr) *size += node->tail.size();
  return status;
}

Status LostCacheFs::GetFileModificationTime(const std::string& name, const Options& options,
                                            std::uint64_t* time, Debug* debug) {
  const Lock lock(mutex_);
  const NodePtr node = find(plain(name));
  if (node == nullptr || node->linked) {
    return target_->GetFileModificationTime(name, options, time, debug);
  }
  *time = static_cast<std::uint64_t>(
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  return Status::OK();
}

Status LostCacheFs::RenameFile(const std::string& from, const std::string& to,
                               const Options& options, Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  const std::string source = plain(from), target = plain(to);
  const NodePtr node = find(source);
  if (node == nullptr) {  // on the disk already, or a directory
    if (removed_.contains(source)) return Status::PathNotFound(source);
    if (Status status = settle_below(source); !status.ok()) return status;
  }
  nodes_.erase(source);
  nodes_.erase(target);
  if (node != nullptr) {
    node->path = target;
    nodes_[target] = node;
  }
  if (node != nullptr && !node->linked) {
    if (real(source)) removed_.insert(source);
    return Status::OK();
  }
  removed_.erase(target);
  return target_->RenameFile(source, target, options, debug);
}

Status LostCacheFs::LinkFile(const std::string& from, const std::string& to, const Options& options,
                             Debug* debug) {
  const Lock lock(mutex_);
  if (off_) return powerless();
  if (Status status = settle(plain(from)); !status.ok()) return status;
  nodes_.erase(plain(to));
  if (removed_.erase(plain(to)) != 0)
    target_->DeleteFile(to, options, debug).PermitUncheckedError();
  return target_->LinkFile(from, to, options, debug);
}

}  // namespace emqx_store::test
