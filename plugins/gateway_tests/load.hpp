// What the load programs for bench.py share: the command line, the CPU time of the broker, sockets,
// and MQTT over TCP, as much as the load needs. One thread each.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace load {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}
[[noreturn]] inline void fail(const std::string& what) { throw std::runtime_error(what); }
[[noreturn]] inline void failed(const char* call) {
  fail(std::string(call) + ": " + std::strerror(errno));
}

inline std::string u16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::size_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                  static_cast<std::uint8_t>(bytes[at + 1]));
}

inline int connected(int type, std::uint16_t port) {
  const int fd = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0) failed("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) failed("connect");
  return fd;
}

inline int bound_udp() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    failed("bind");
  }
  return fd;
}
inline std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

inline bool readable(int fd, int timeout_ms) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, timeout_ms) == 1;
}

// A socket that sends to one port of ours.
class Udp {
 public:
  explicit Udp(std::uint16_t port) : fd_(connected(SOCK_DGRAM, port)) {}
  ~Udp() { ::close(fd_); }
  Udp(const Udp&) = delete;
  Udp& operator=(const Udp&) = delete;

  int fd() const { return fd_; }
  void send(std::string_view datagram) const {
    static_cast<void>(::send(fd_, datagram.data(), datagram.size(), 0));
  }
  // The next datagram; empty: none is there.
  std::string receive() const {
    char buffer[2048];
    const auto n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
  }

 private:
  int fd_;
};

inline std::string tcp_packet(char first, std::string_view body) {
  std::string out(1, first);
  std::size_t size = body.size();
  do {
    out += static_cast<char>(size % 128 | (size >= 128 ? 128 : 0));
    size /= 128;
  } while (size != 0);
  return out.append(body);
}
inline std::string field(const std::string& text) { return u16(text.size()) + text; }

class Tcp {
 public:
  Tcp(std::uint16_t port, const std::string& client) : fd_(connected(SOCK_STREAM, port)) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send(tcp_packet(0x10, field("MQTT") + std::string("\x04\x02\0\0", 4) + field(client)));
    wait_for(0x20);
  }
  ~Tcp() { ::close(fd_); }
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;

  int fd() const { return fd_; }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) failed("send");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void subscribe(const std::string& filter) {
    send(tcp_packet('\x82', u16(1) + field(filter) + '\0'));
    wait_for('\x90');
  }
  void ping() {
    send(std::string_view("\xc0\0", 2));
    wait_for('\xd0');
  }
  // Reads what is there, at least something; f(payload) for each message.
  template <class F>
  void read(F&& f) {
    char buffer[1 << 16];
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) fail("the broker has gone");
    in_.append(buffer, static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (std::size_t size = 0, head = 0; whole(at, head, size); at += head + size) {
      const std::string_view body = std::string_view(in_).substr(at + head, size);
      last_ = in_[at];
      if ((in_[at] & 0xf0) == 0x30) f(body.substr(2 + u16_at(body, 0)));
    }
    in_.erase(0, at);
  }

 private:
  void wait_for(char first) {
    for (last_ = 0; last_ != first;) read([](std::string_view) {});
  }
  bool whole(std::size_t at, std::size_t& head, std::size_t& size) const {
    size = 0;
    for (std::size_t i = at + 1; i < in_.size() && i < at + 5; ++i) {
      size |= static_cast<std::size_t>(in_[i] & 127) << (7 * (i - at - 1));
      if (in_[i] & 128) continue;
      head = i + 1 - at;
      return in_.size() - at >= head + size;
    }
    return false;
  }

  int fd_;
  std::string in_;
  char last_ = 0;
};

// name=value of the command line.
class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 2; i < argc; ++i) {
      const std::string one = argv[i];
      const auto equals = one.find('=');
      if (equals == std::string::npos) fail("not name=value: " + one);
      values_[one.substr(0, equals)] = one.substr(equals + 1);
    }
  }
  std::size_t number(const std::string& name, std::size_t otherwise) const {
    const auto at = values_.find(name);
    return at == values_.end() ? otherwise : std::stoul(at->second);
  }
  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto at = values_.find(name);
    return at == values_.end() ? otherwise : at->second;
  }
  std::uint16_t port(const std::string& name) const {
    return static_cast<std::uint16_t>(number(name, 0));
  }

 private:
  std::map<std::string, std::string> values_;
};

// CPU seconds that all threads of a process have used, as exactly as the kernel knows.
inline double cpu_of(std::size_t pid) {
  double out = 0;
  const auto tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    double ns = 0;
    std::ifstream(task.path() / "schedstat") >> ns;
    out += ns / 1e9;
  }
  return out;
}

// Many equal datagrams in as few system calls as possible.
inline void send_many(int fd, const std::vector<std::string>& datagrams) {
  std::vector<iovec> parts(datagrams.size());
  std::vector<mmsghdr> headers(datagrams.size());
  for (std::size_t i = 0; i < datagrams.size(); ++i) {
    parts[i] = {const_cast<char*>(datagrams[i].data()), datagrams[i].size()};
    headers[i] = {};
    headers[i].msg_hdr.msg_iov = &parts[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  for (std::size_t sent = 0; sent < headers.size();) {
    const int n = ::sendmmsg(fd, &headers[sent], static_cast<unsigned>(headers.size() - sent), 0);
    if (n <= 0) failed("sendmmsg");
    sent += static_cast<std::size_t>(n);
  }
}

// As many open files as may be; then scenario(), of which errors are reported. The exit code.
template <class F>
int run_load(const char* name, F&& scenario) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  try {
    return scenario();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", name, e.what());
    return 1;
  }
}

}  // namespace load
