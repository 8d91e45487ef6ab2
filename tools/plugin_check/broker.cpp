#include "tools/plugin_check/broker.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tools/ctl/client.hpp"

namespace keel::check {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kStartTimeout = 60s;  // under a sanitizer and with many others at work
constexpr auto kStopTimeout = 60s;
constexpr timeval kAnswerTimeout{60, 0};
constexpr std::size_t kLongestDirectory = 80;  // a socket's path has 107 bytes

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  if (in) out << in.rdbuf();
  return std::move(out).str();
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  if (!out || !(out << text) || !out.flush()) {
    throw std::runtime_error("cannot write " + file.string() + ": " + std::strerror(errno));
  }
}

void put_copy(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::copy_file(from, to, fs::copy_options::overwrite_existing, error)) return;
  throw std::runtime_error("cannot copy " + from.string() + ": " + error.message());
}

fs::path make_directory() {
  std::error_code unknown;
  fs::path base = fs::temp_directory_path(unknown);
  if (unknown || base.native().size() > kLongestDirectory) base = "/tmp";
  std::string name = base / "plugin_check-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make a directory in " + base.string() + ": " +
                             std::strerror(errno));
  }
  return name;
}

void write_to(const char* file, const std::string& text) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
  ::close(fd);
}

// In the child, before it becomes the broker: a network with nothing but a loopback of its own. A
// system that does not allow it leaves the child in everybody's.
void leave_network() {
  const std::string uid = std::to_string(::geteuid()), gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWNET) != 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return;
    write_to("/proc/self/setgroups", "deny");
    write_to("/proc/self/uid_map", uid + " " + uid + " 1");
    write_to("/proc/self/gid_map", gid + " " + gid + " 1");
  }
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  ::ioctl(fd, SIOCSIFFLAGS, &loopback);
  ::close(fd);
}

}  // namespace

Broker::Broker(const Options& options) : directory_(make_directory()) {
  try {
    lay_out(options);
    spawn(options.program);
    await_start();
  } catch (...) {
    clean_up();
    throw;
  }
}

Broker::~Broker() { clean_up(); }

void Broker::clean_up() {
  if (child_ > 0 && alive()) {
    ::kill(child_, SIGKILL);
    ended(true);
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void Broker::lay_out(const Options& options) {
  for (const char* part : {"etc/plugins", "plugins", "data"}) {
    fs::create_directories(directory_ / part);
  }
  for (const std::string& file : options.plugins) {
    const fs::path copy = directory_ / "plugins" / fs::path(file).filename();
    put_copy(file, copy);
    fs::permissions(copy, fs::perms::owner_read | fs::perms::owner_write);
  }
  if (!options.settings.empty()) {
    put_copy(options.settings, directory_ / "etc/plugins" / (options.plugin_name + ".conf"));
  }
  const std::string here = directory_.string();
  write_file(directory_ / "etc/keel.conf",
             "[kernel]\nshards = 2\ndata_dir = '" + here + "/data'\n" +  //
                 "[plugins]\ndir = '" + here + "/plugins'\nload = []\n" +
                 "[listener.mqtt]\nbind = 'unix:" + here + "/mqtt.sock'\nallow_anonymous = true\n" +
                 "[log]\nlevel = 'info'\nburst = 0\n");
}

void Broker::spawn(const std::string& program) {
  const std::string conf = directory_ / "etc/keel.conf", log = directory_ / "log";
  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ < 0) throw std::runtime_error(std::string("cannot fork: ") + std::strerror(errno));
  if (child_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  leave_network();
  ::execl(program.c_str(), program.c_str(), "-c", conf.c_str(), static_cast<char*>(nullptr));
  ::dprintf(STDERR_FILENO, "%s: %s\n", program.c_str(), std::strerror(errno));
  ::_exit(127);
}

void Broker::await_start() {
  const auto end = std::chrono::steady_clock::now() + kStartTimeout;
  const std::string socket = directory_ / "data/ctl.sock";
  while (std::chrono::steady_clock::now() < end) {
    if (const int fd = ctl::connect_to(socket); fd >= 0) {
      ::close(fd);
      return;
    }
    if (!alive()) break;
    std::this_thread::sleep_for(10ms);
  }
  throw std::runtime_error("the broker did not start:\n" + log());
}

Broker::Answer Broker::ctl(const std::vector<std::string>& arguments) const {
  Answer answer;
  const int fd = ctl::connect_to(directory_ / "data/ctl.sock");
  if (fd < 0) return answer;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout, sizeof kAnswerTimeout);
  answer.code = ctl::ask(fd, arguments, [&](std::string_view piece) {
    answer.text += piece;
    return true;
  });
  ::close(fd);
  return answer;
}

// Collects the child when it has ended; afterwards child_ is 0.
bool Broker::ended(bool wait) {
  if (child_ <= 0) return true;
  pid_t result;
  do {
    result = ::waitpid(child_, &status_, wait ? 0 : WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result == 0) return false;
  child_ = 0;
  return true;
}

bool Broker::alive() { return !ended(false); }

std::string Broker::stop() {
  if (child_ > 0) ::kill(child_, SIGTERM);
  const auto end = std::chrono::steady_clock::now() + kStopTimeout;
  while (!ended(false)) {
    if (std::chrono::steady_clock::now() > end) return "did not end when it was told to";
    std::this_thread::sleep_for(5ms);
  }
  return how_it_ended();
}

std::string Broker::how_it_ended() const {
  if (WIFSIGNALED(status_)) {
    return std::string("was ended by a signal (") + ::strsignal(WTERMSIG(status_)) + ")";
  }
  const int code = WEXITSTATUS(status_);
  return code == 0 ? std::string{} : "ended with exit code " + std::to_string(code);
}

std::string Broker::log() const { return read_file(directory_ / "log"); }

std::size_t Broker::mappings(const std::string& plugin) const {
  const std::string copy = (directory_ / "data/run" / plugin).string() + "-";
  std::istringstream lines(read_file("/proc/" + std::to_string(child_) + "/maps"));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(copy) != std::string::npos) ++count;
  }
  return count;
}

}  // namespace keel::check
