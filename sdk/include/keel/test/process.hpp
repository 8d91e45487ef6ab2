// Programs run by tests, and files and directories for them. Needs nothing but the C library. Part
// of keel/test.hpp.
#pragma once

#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "keel/text.hpp"

extern "C" char** environ;

namespace keel::test {

[[noreturn]] inline void fail(std::string text) { throw std::runtime_error(std::move(text)); }

inline std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}
// Waits a little between looks at something that will come true.
inline void pause_ms(int ms) { ::poll(nullptr, 0, ms); }

// A port of 127.0.0.1 that nobody has right now, of TCP (SOCK_STREAM) or UDP (SOCK_DGRAM). It lies
// below those that the system gives to sockets that ask for none, so that it is still free when it
// has been let go of for a while.
inline std::uint16_t free_port(int type) {
  constexpr std::uint32_t kFirst = 10'000, kCount = 22'000;
  std::random_device random;
  for (int tries = 0; tries < 100; ++tries) {
    const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(kFirst + random() % kCount));
    const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(fd);
    if (bound) return ntohs(at.sin_port);
  }
  fail("no free port on 127.0.0.1");
}

inline std::string read_file(const std::string& path) {
  std::string out;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return out;
  char buffer[16384];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    out.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return out;
}
inline void write_file(const std::string& path, std::string_view text, mode_t mode = 0600) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) fail(concat("cannot write ", path, ": ", std::strerror(errno)));
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) {
      ::close(fd);
      fail(concat("cannot write ", path, ": ", std::strerror(errno)));
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  ::close(fd);
}
inline void make_dir(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    fail(concat("cannot make ", path, ": ", std::strerror(errno)));
  }
}
// "/a/b.so" -> "b"
inline std::string stem(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, name.rfind('.'));
}

// Removed with all that is in it at the end; KEEL_TEST_KEEP in the environment leaves it.
class TempDir {
 public:
  TempDir() {
    if (!::mkdtemp(path_)) fail("cannot make a directory in /tmp");
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    if (std::getenv("KEEL_TEST_KEEP")) return;
    const auto remove_one = [](const char* path, const struct stat*, int, struct FTW*) {
      return ::remove(path);
    };
    ::nftw(path_, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  }
  std::string path(std::string_view below = {}) const {
    return below.empty() ? std::string(path_) : concat(path_, '/', below);
  }

 private:
  char path_[32] = "/tmp/keel-fixture-XXXXXX";
};

// A child process. Killed at the end if it still runs.
class Process {
 public:
  // Output and errors are appended to `log`.
  Process(std::vector<std::string> arguments, const std::string& directory, const std::string& log,
          const std::string& input = "/dev/null") {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                       0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
    ::posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const int error = ::posix_spawnp(&pid_, words[0], &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
      pid_ = 0;
      fail(concat("cannot run ", arguments[0], ": ", std::strerror(error)));
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (!running()) return;
    ::kill(pid_, SIGKILL);
    wait(-1);
  }

  pid_t pid() const { return pid_; }
  void signal(int number) {
    if (running()) ::kill(pid_, number);
  }
  bool running() { return exit_ < 0 && wait(0) < 0; }
  // The exit code, 128 + N after a signal; -1: it still runs after `ms` (-1: waits for ever).
  int wait(std::int64_t ms) {
    const std::int64_t until = now_ms() + ms;
    while (exit_ < 0) {
      int status = 0;
      const pid_t ended = ::waitpid(pid_, &status, ms < 0 ? 0 : WNOHANG);
      if (ended == pid_) {
        exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      } else if (ended < 0 && errno != EINTR) {
        exit_ = 255;
      } else if (ms >= 0 && now_ms() >= until) {
        break;
      } else {
        pause_ms(2);
      }
    }
    return exit_;
  }

 private:
  pid_t pid_ = 0;
  int exit_ = -1;
};

}  // namespace keel::test
