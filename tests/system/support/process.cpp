#include "tests/system/support/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

extern char** environ;

namespace keel::test {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "keel-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TempDir::~TempDir() {
  if (std::getenv("KEEL_TEST_KEEP") != nullptr) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  const std::filesystem::path fresh = file.string() + ".new";
  std::ofstream{fresh, std::ios::binary} << text;
  std::filesystem::rename(fresh, file);
}

Process::Process(const Spawn& spawn) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND;
  const std::string output = spawn.output.empty() ? "/dev/null" : spawn.output.string();
  const std::string error = spawn.error.empty() ? "/dev/null" : spawn.error.string();
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), kFlags, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, error.c_str(), kFlags, 0600);
  if (!spawn.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, spawn.directory.c_str());
  }
  std::vector<char*> arguments;
  for (const std::string& argument : spawn.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  for (const std::string& entry : spawn.environment) {
    environment.push_back(const_cast<char*>(entry.c_str()));
  }
  environment.push_back(nullptr);
  posix_spawnattr_t attributes;  // a child does not inherit that we ignore SIGPIPE
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int result = posix_spawnp(&pid_, arguments[0], &actions, &attributes, arguments.data(),
                                  environment.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (result != 0) {
    ended_ = true;
    throw std::runtime_error("cannot run " + spawn.arguments[0] + ": " + std::strerror(result));
  }
}

Process::~Process() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
}

bool Process::running() { return !ended_ && wait(Deadline{Milliseconds{0}}) == -1; }

void Process::signal(int number) {
  if (!ended_) ::kill(pid_, number);
}

int Process::wait(const Deadline& deadline) {
  while (!ended_) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno == ECHILD)) {
      ended_ = true;
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    if (deadline.passed()) return -1;
    ::poll(nullptr, 0, 2);
  }
  return status_;
}

Outcome run(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            Milliseconds patience) {
  const TempDir dir;
  Spawn spawn{arguments, environment, dir.path() / "out", dir.path() / "err", {}};
  Process process{spawn};
  Outcome outcome;
  outcome.exit = process.wait(Deadline{patience});
  outcome.out = read_file(spawn.output);
  outcome.err = read_file(spawn.error);
  return outcome;
}

}  // namespace keel::test
