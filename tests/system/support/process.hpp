// Child processes and temporary files of the tests.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/system/support/wait.hpp"

namespace keel::test {

// A directory under the system's temporary one, removed with everything in it.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& file);  // empty when there is none
// Replaces the file in one step, as an administrator's tools do.
void write_file(const std::filesystem::path& file, const std::string& text);

struct Spawn {
  std::vector<std::string> arguments;    // the program first
  std::vector<std::string> environment;  // added: NAME=value
  std::filesystem::path output, error;   // appended to
  std::filesystem::path directory;       // where it runs; empty: here
};

// A running child. Killed when it is still there at the end.
class Process {
 public:
  explicit Process(const Spawn& spawn);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  // The exit code, 128 + n after signal n, or -1 when it has not ended by then.
  int wait(const Deadline& deadline = Deadline{});

 private:
  pid_t pid_ = -1;
  int status_ = -1;
  bool ended_ = false;
};

struct Outcome {
  int exit = -1;
  std::string out, err;
};
inline std::string said(const Outcome& outcome) { return outcome.out + outcome.err; }

// Runs a program to its end.
Outcome run(const std::vector<std::string>& arguments,
            const std::vector<std::string>& environment = {},
            Milliseconds patience = Milliseconds{30'000 * kSlowdown});

}  // namespace keel::test
