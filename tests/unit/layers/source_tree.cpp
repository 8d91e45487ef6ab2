#include "tests/unit/layers/source_tree.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string_view>

namespace keel::test {
namespace {

namespace fs = std::filesystem;

bool is_source(const fs::path& file) {
  static constexpr std::array<std::string_view, 9> kSuffixes{".cpp", ".hpp", ".c",  ".h",    ".py",
                                                             ".js",  ".mjs", ".sh", ".cmake"};
  const std::string suffix = file.extension().string();
  return std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end() ||
         file.filename() == "CMakeLists.txt";
}

SourceFile read(const fs::path& root, const fs::path& file) {
  SourceFile source{fs::relative(file, root).generic_string(), {}};
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) source.lines.push_back(line);
  return source;
}

}  // namespace

std::vector<SourceFile> read_sources() {
  const fs::path root = KEEL_SOURCE_DIR;
  std::vector<SourceFile> sources;
  for (const char* top : {"kernel", "sdk", "plugins", "tests", "tools", "etc"}) {
    if (!fs::exists(root / top)) continue;
    for (auto it = fs::recursive_directory_iterator(root / top); it != fs::end(it); ++it) {
      const std::string name = it->path().filename().string();
      if (it->is_directory() && (name == "node_modules" || name == "__pycache__")) {
        it.disable_recursion_pending();
      } else if (it->is_regular_file() && is_source(it->path())) {
        sources.push_back(read(root, it->path()));
      }
    }
  }
  return sources;
}

std::string included(const std::string& line) {
  if (line.find("include") == std::string::npos) return {};  // the expression is slow
  static const std::regex pattern(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
  std::smatch match;
  return std::regex_search(line, match, pattern) ? match[1].str() : std::string();
}

}  // namespace keel::test
