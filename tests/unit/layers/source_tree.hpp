// The sources as text, for the checks that a compiler does not make: layers and house rules.
#pragma once

#include <string>
#include <vector>

namespace keel::test {

struct SourceFile {
  std::string path;  // from the repository's root, with '/'
  std::vector<std::string> lines;
};

// Every file under kernel, sdk, plugins, tests, tools and etc that git would hold, by its suffix:
// C and C++, CMake, Python, JavaScript, shell.
std::vector<SourceFile> read_sources();

// The name between the quotes or angle brackets if `line` is an #include, else empty.
std::string included(const std::string& line);

}  // namespace keel::test
