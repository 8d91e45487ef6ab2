// Folders and files for the tests of kernel/plugin.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace keel::kernel::test {

// A private folder that goes with all it holds.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  std::string path(std::string_view name = {}) const;
  std::string write(std::string_view name, std::string_view content) const;  // answers the path
  std::vector<std::string> names() const;                                    // sorted

 private:
  std::filesystem::path root_;
};

std::string read_file(const std::string& path);

// A .so built beside the tests from tests/unit/plugin/fixtures/<name>.
std::string fixture(std::string_view name);

}  // namespace keel::kernel::test
