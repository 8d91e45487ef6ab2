// Reads the SDK's C headers as text: which structs with which fields, which constants. Enough of C
// for headers written as these are.
#pragma once

#include <string>
#include <vector>

namespace keel::test {

struct CStruct {
  std::string name;
  std::vector<std::string> fields;
};
struct CHeaders {
  std::vector<std::string> files;  // "keel/abi.h", ...
  std::vector<CStruct> structs;
  std::vector<std::string> constants;                    // enumerators
  std::vector<std::pair<std::string, std::string>> ids;  // KEEL_EXT_X, "keel.x/1"
};

// All of them, in the order of their names.
CHeaders read_headers(const std::string& include_dir);

// Runs a shell command; its exit status, and what it printed.
std::pair<int, std::string> run_command(const std::string& command);

}  // namespace keel::test
