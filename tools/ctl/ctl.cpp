// ctl: sends its arguments to the broker's Unix socket and copies the answer to standard output.
// The commands live in the broker; kernel/admin/ctl_protocol.hpp describes the bytes.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int kError = 1, kUsage = 2;
constexpr std::uint32_t kEnd = 0xFFFFFFFF;

struct Options {
  std::string socket;
  std::vector<std::string> arguments;  // for the broker
  bool json = false;
};

void complain(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

// Takes --socket out; nothing: it stands there without a path. Everything behind "--" is the
// broker's.
std::optional<Options> parse(int argc, char** argv) {
  Options options;
  bool literal = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    literal = literal || word == "--";
    if (!literal && word == "--socket") {
      if (++i == argc) return std::nullopt;
      options.socket = argv[i];
    } else if (!literal && word.starts_with("--socket=")) {
      options.socket = word.substr(std::strlen("--socket="));
    } else {
      options.json = options.json || (!literal && word == "--json");
      options.arguments.emplace_back(word);
    }
  }
  return options;
}

bool is_socket(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

// The directory `levels` above the one that holds this program; empty when unknown.
std::string above_program(int levels) {
  std::array<char, 4096> buffer;
  const ssize_t n = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (n <= 0 || n == static_cast<ssize_t>(buffer.size())) return {};
  std::string path(buffer.data(), static_cast<std::size_t>(n));
  for (int i = 0; i <= levels; ++i) path.resize(std::min(path.rfind('/'), path.size()));
  return path;
}

// Where the broker's socket is when nobody says so: the data directory of the shipped settings
// below the working directory, of the installation, of the source tree that this program was built
// in.
std::string default_socket() {
  const std::string shipped = "data/ctl.sock";
  for (const std::string& path :
       {shipped, above_program(1) + "/var/lib/keel/ctl.sock", std::string("/var/lib/keel/ctl.sock"),
        above_program(3) + "/data/ctl.sock"}) {
    if (is_socket(path)) return path;
  }
  return shipped;
}

std::string choose_socket(const Options& options) {
  if (!options.socket.empty()) return options.socket;
  const char* const set = std::getenv("KEEL_CTL_SOCKET");
  return set != nullptr && *set != '\0' ? set : default_socket();
}

// The descriptor, or -1 with errno.
int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result;
  do {
    result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? fd : -1;
}

int not_running(const Options& options, const std::string& path) {
  const int cause = errno;
  const bool status = !options.arguments.empty() && options.arguments[0] == "status";
  if (cause == EACCES || cause == EPERM) {
    complain("cannot connect to " + path + ": " + std::strerror(cause) +
             "; run ctl as root or as the user that the broker runs as");
    return kError;
  }
  if (options.json) {
    std::puts(R"({"status":"stopped","running":false,"error":"keel is not running"})");
  } else if (status) {
    std::puts("keel is not running");
  }
  complain("Node not running: cannot connect to " + path + ": " + std::strerror(cause) +
           "; start it with tools/run, or name the socket with --socket");
  return kError;
}

void append_number(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

// A broker that refuses answers before it has read everything, so errors are left for the reading
// side.
void send_request(int fd, const std::vector<std::string>& arguments) {
  std::string request;
  append_number(request, static_cast<std::uint32_t>(arguments.size()));
  for (const std::string& argument : arguments) {
    append_number(request, static_cast<std::uint32_t>(argument.size()));
    request += argument;
  }
  for (std::string_view rest = request; !rest.empty();) {
    const ssize_t n = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

class Answer {
 public:
  explicit Answer(int fd) : fd_(fd) {}

  // Copies the answer to standard output; answers the exit code.
  int copy() {
    std::array<char, 65536> piece;
    while (true) {
      std::array<char, 4> head;
      if (!read(head.data(), head.size())) return cut_off();
      std::uint32_t left = 0;
      for (const char c : head) left = left << 8 | static_cast<unsigned char>(c);
      if (left == kEnd) {
        char code = kError;
        if (!read(&code, 1)) return cut_off();
        return std::fflush(stdout) == 0 ? static_cast<unsigned char>(code) : kError;
      }
      while (left > 0) {
        const std::size_t n = std::min<std::size_t>(left, piece.size());
        if (!read(piece.data(), n)) return cut_off();
        if (std::fwrite(piece.data(), 1, n, stdout) != n) return kError;  // nobody reads any more
        left -= static_cast<std::uint32_t>(n);
      }
    }
  }

 private:
  bool read(char* to, std::size_t size) {
    while (size > 0) {
      const ssize_t n = ::recv(fd_, to, size, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      to += n;
      size -= static_cast<std::size_t>(n);
    }
    return true;
  }

  int cut_off() {
    std::fflush(stdout);
    complain("the broker ended the connection before the answer was complete; see its log");
    return kError;
  }

  int fd_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // `ctl clients list | head` ends quietly
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    complain("--socket needs a path");
    return kUsage;
  }
  const std::string path = choose_socket(*options);
  const int fd = connect_to(path);
  if (fd < 0) return not_running(*options, path);
  send_request(fd, options->arguments);
  const int code = Answer(fd).copy();
  ::close(fd);
  return code;
}
