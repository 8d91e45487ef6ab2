// What a flood of wrong passwords does to everybody else. Not a test: a figure to look at.
//
//   user_store_flood PORT PID [logins per second] [seconds]
//
// One connected client publishes to itself (QoS 1) and pings all the time; first alone, then while
// logins with wrong passwords come in, each on a connection of its own. Prints the round trips,
// what the logins were answered, and the broker's memory. The broker needs `[auth] max_failures =
// 0`.
#include <fcntl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <keel/test/mqtt_client.hpp>
#include <map>
#include <random>
#include <thread>
#include <unordered_set>

namespace {

std::int64_t now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

long resident_kib(int pid) {
  const std::string status = keel::test::read_file(keel::concat("/proc/", pid, "/status"));
  const std::size_t at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::atol(status.c_str() + at + 6);
}

// Round trips of one client, until told to stop.
class Probe {
 public:
  explicit Probe(std::uint16_t port) : client_(port) {
    if (client_.connect({.client_id = "probe"}) != 0) keel::test::fail("the probe is refused");
    client_.subscribe("probe");
  }
  void run(int seconds) {
    trips_.clear();
    const std::int64_t until = now_us() + seconds * std::int64_t{1'000'000};
    while (now_us() < until) {
      const std::int64_t since = now_us();
      client_.publish("probe", "x", 1);
      client_.receive();
      client_.ping();
      trips_.push_back(now_us() - since);
      keel::test::pause_ms(2);
    }
    std::sort(trips_.begin(), trips_.end());
  }
  void print(const char* when) const {
    const auto at = [&](double share) {
      return static_cast<double>(
                 trips_[static_cast<std::size_t>(static_cast<double>(trips_.size() - 1) * share)]) /
             1000;
    };
    std::printf("%-6s publish + ping, %zu times: p50 %.2f ms, p99 %.2f ms, max %.2f ms\n", when,
                trips_.size(), at(0.5), at(0.99), at(1));
  }

 private:
  keel::test::MqttClient client_;
  std::vector<std::int64_t> trips_;
};

// Logins that are all wrong, at a steady rate, without waiting for their answers.
class Flood {
 public:
  Flood(std::uint16_t port, int rate) : port_(port), rate_(rate), epoll_(::epoll_create1(0)) {}
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  ~Flood() {
    for (const int fd : open_) ::close(fd);
    ::close(epoll_);
  }

  void run(int seconds) {
    const std::int64_t begin = now_us(), until = begin + seconds * std::int64_t{1'000'000};
    std::int64_t sent = 0;
    while (now_us() < until) {
      const std::int64_t due = (now_us() - begin) * rate_ / 1'000'000;
      while (sent < due) ++sent, login();
      epoll_event events[256];
      const int n = ::epoll_wait(epoll_, events, 256, 1);
      for (int i = 0; i < n; ++i) answered(events[i].data.fd);
    }
    std::printf("flood  %lld logins", static_cast<long long>(sent));
    for (const auto& [code, count] : answers_) std::printf(", %lld x %s", count, code.c_str());
    std::printf(", %zu still open\n", open_.size());
  }

 private:
  void login() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      ++answers_["no connection"];
      if (fd >= 0) ::close(fd);
      return;
    }
    const std::string id = std::to_string(random_()), user = random_() % 2 ? "ann" : "u" + id;
    std::string body("\0\4MQTT\5\xc2\0\x3c\0", 11);
    for (const std::string& text : {id, user, "wrong" + id}) {
      body += static_cast<char>(text.size() >> 8);
      body += static_cast<char>(text.size() & 255);
      body += text;
    }
    const std::string packet = std::string("\x10") + static_cast<char>(body.size()) + body;
    static_cast<void>(::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL));
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    open_.insert(fd);
  }
  void answered(int fd) {
    unsigned char answer[64];
    const ssize_t n = ::recv(fd, answer, sizeof answer, 0);
    char code[32] = "closed";
    if (n >= 4) std::snprintf(code, sizeof code, "0x%02x", answer[3]);
    ++answers_[code];
    open_.erase(fd);
    ::close(fd);
  }

  const std::uint16_t port_;
  const std::int64_t rate_;
  const int epoll_;
  std::unordered_set<int> open_;
  std::map<std::string, long long> answers_;
  std::mt19937 random_{std::random_device()()};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3)
    return std::fprintf(stderr, "usage: user_store_flood PORT PID [RATE] [SECONDS]\n"), 2;
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const int pid = std::atoi(argv[2]), rate = argc > 3 ? std::atoi(argv[3]) : 2000,
            seconds = argc > 4 ? std::atoi(argv[4]) : 60;
  Probe probe(port);
  probe.run(10);
  probe.print("alone");
  const long before = resident_kib(pid);
  std::atomic<long> most{0};
  Flood flood(port, rate);
  std::thread logins([&] { flood.run(seconds); });
  std::thread memory([&] {
    for (int i = 0; i < seconds; ++i) {
      most = std::max(most.load(), resident_kib(pid));
      keel::test::pause_ms(1000);
    }
  });
  probe.run(seconds);
  logins.join();
  memory.join();
  probe.print("flood");
  std::printf("memory %ld MiB before, %ld MiB at most, %ld MiB after\n", before / 1024,
              most.load() / 1024, resident_kib(pid) / 1024);
  return 0;
}
