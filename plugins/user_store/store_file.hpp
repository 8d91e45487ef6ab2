// The store's file: lines are appended and reach the disk before anybody is told; from time to time
// it is written anew without the lines that no longer count. Whatever moment the process is killed
// at, what was acknowledged is there, and at most a torn last line is dropped.
//
// A resource; one thread at a time. All of it blocks.
#pragma once

#include <keel/result.hpp>
#include <keel/text.hpp>

#include <functional>
#include <string>
#include <string_view>

#include "user_store/entry.hpp"

namespace user_store {

class StoreFile {
 public:
  using Take = std::function<void(const Entry& entry)>;
  using Emit = std::function<void(std::string_view name, std::string_view value)>;

  StoreFile() = default;
  StoreFile(const StoreFile&) = delete;
  StoreFile& operator=(const StoreFile&) = delete;
  ~StoreFile() { close(); }

  // Reads the file, or makes an empty one. A damaged line is an error, with file and line.
  keel::Status open(const std::string& path, const Take& take);
  // Lines of to_line(). They are on the disk when this has succeeded, and gone when not.
  keel::Status append(std::string_view lines);
  // The whole file anew: `write` calls its argument for each user. The old one stays if it fails.
  keel::Status rewrite(const std::function<void(const Emit& emit)>& write);
  void close();

  // append() failed and could not take back what it had written: rewrite() mends it.
  bool broken() const { return broken_; }
  const std::string& path() const { return path_; }
  // Random, made with the file, the same as long as it exists.
  const std::string& secret() const { return secret_; }
  std::size_t lines() const { return lines_; }           // users and what no longer counts
  const std::string& notice() const { return notice_; }  // of open(): worth a line in the log

 private:
  keel::Status open_checked(bool& made);
  keel::Status load(const Take& take);
  keel::Status failed(std::string_view what) const;  // with errno

  std::string path_, secret_, notice_;
  int fd_ = -1, lock_fd_ = -1;
  std::size_t size_ = 0, lines_ = 0;
  bool broken_ = false;  // what is behind size_ could not be cut off
};

}  // namespace user_store
