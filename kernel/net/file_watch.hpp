// Tells when watched files change, once things have been quiet for a moment. Directories are
// watched, not files, so that replacing a file by renaming is seen. Driven by the control thread's
// loop; [control].
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace keel::kernel {

class FileWatch {
 public:
  static constexpr long kQuietMs = 200;

  // `changed` is called from on_readable().
  explicit FileWatch(std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;
  ~FileWatch();

  // Watches these files and no others. Directories that do not exist are passed over.
  void watch(const std::vector<std::string>& files);

  int fd() const { return set_; }  // readable: call on_readable(); -1 when the system has no more
  void on_readable();

 private:
  bool read_events();
  void arm();

  std::function<void()> changed_;
  int set_, notify_, timer_;
  std::map<int, std::set<std::string>> names_;  // by watched directory
};

}  // namespace keel::kernel
