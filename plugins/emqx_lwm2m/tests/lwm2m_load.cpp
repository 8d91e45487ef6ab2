// The load for bench.py: very many LwM2M devices in one process, beside an MQTT client. One
// scenario a call: lwm2m_load SCENARIO name=value...; one line of figures comes out.
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "gateway_tests/load.hpp"

namespace {

using namespace load;
using std::chrono::milliseconds;

constexpr char kPost = 2, kCreated = 65, kChanged = 68, kContent = 69;
constexpr char kCon = 0, kNon = 1, kAck = 2;

std::string option(std::size_t delta, std::string_view value) {
  std::string out;
  const auto nibble = [&](std::size_t n) { return n < 13 ? n : 13u; };
  out += static_cast<char>(nibble(delta) << 4 | nibble(value.size()));
  if (delta >= 13) out += static_cast<char>(delta - 13);
  if (value.size() >= 13) out += static_cast<char>(value.size() - 13);
  return out.append(value);
}
std::string head(char type, char code, std::size_t mid, std::string_view token) {
  return static_cast<char>(0x40 | type << 4 | static_cast<char>(token.size())) +
         std::string(1, code) + u16(mid) + std::string(token);
}
std::string register_message(const std::string& endpoint, std::size_t mid) {
  return head(kCon, kPost, mid, "tk") + option(11, "rd") + option(1, "\x28") +
         option(3, "ep=" + endpoint) + option(0, "lt=86400") + option(0, "lwm2m=1.0") +
         "\xff</1/0>,</3/0>";
}

// What came: as much of it as a device that knows its server must look at.
struct Heard {
  char type = 0, code = 0;
  std::size_t mid = 0;
  std::string_view token;
  std::vector<std::string_view> location;
};
bool read(std::string_view bytes, Heard& out) {
  if (bytes.size() < 4) return false;
  const std::size_t token = static_cast<std::size_t>(bytes[0] & 15);
  out.type = static_cast<char>(bytes[0] >> 4 & 3);
  out.code = bytes[1];
  out.mid = u16_at(bytes, 2);
  out.token = bytes.substr(4, token);
  std::size_t number = 0;
  for (std::size_t at = 4 + token; at < bytes.size() && bytes[at] != '\xff';) {
    const auto first = static_cast<std::uint8_t>(bytes[at++]);
    std::size_t delta = first >> 4, size = first & 15;
    if (delta == 13) delta = static_cast<std::uint8_t>(bytes[at++]) + 13u;
    if (size == 13) size = static_cast<std::uint8_t>(bytes[at++]) + 13u;
    number += delta;
    if (at + size > bytes.size()) return false;
    if (number == 8) out.location.push_back(bytes.substr(at, size));
    at += size;
  }
  return true;
}

// Devices with an address each; requests go out `window` at a time and again when they are not
// answered.
class Fleet {
 public:
  explicit Fleet(const Options& options, const std::string& prefix = "bench-")
      : count_(options.number("devices", 10'000)), window_(options.number("window", 200)) {
    poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    for (std::size_t i = 0; i < count_; ++i) {
      devices_.push_back({std::make_unique<Udp>(options.port("udp")),
                          prefix + std::to_string(i),
                          {},
                          {},
                          {},
                          {},
                          0,
                          false});
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      if (::epoll_ctl(poll_, EPOLL_CTL_ADD, devices_[i].udp->fd(), &event) != 0) {
        failed("epoll_ctl");
      }
    }
  }
  ~Fleet() { ::close(poll_); }

  std::size_t size() const { return count_; }
  std::size_t again() const { return again_; }
  const std::string& token(std::size_t i) const { return devices_[i].token; }

  // Seconds it takes.
  double register_all() {
    return phase(kCreated,
                 [&](std::size_t i) { return register_message(devices_[i].endpoint, 1); });
  }
  double update_all() {
    return phase(kChanged, [&](std::size_t i) {
      std::string out = head(kCon, kPost, ++devices_[i].mid + 1, "tk");
      return out + option(11, "rd") + option(0, devices_[i].location);
    });
  }
  void notify(std::size_t i, std::size_t sequence, bool confirmable) {
    Device& one = devices_[i];
    std::string value = std::to_string(sequence);
    one.udp->send(head(confirmable ? kCon : kNon, kContent, ++one.mid + 1, one.token) +
                  option(6, u16(sequence)) + option(6, "") + '\xff' + value);
  }
  // Takes what has come: answers observe requests by the first value, and remembers the token.
  void turn(int timeout_ms) {
    epoll_event events[256];
    const int n = ::epoll_wait(poll_, events, 256, timeout_ms);
    for (int i = 0; i < n; ++i) take(devices_[events[i].data.u64]);
  }

 private:
  struct Device {
    std::unique_ptr<Udp> udp;
    std::string endpoint, location, token, request;
    Clock::time_point sent;
    std::size_t mid;
    bool waits;
  };

  void take(Device& one) {
    for (std::string got = one.udp->receive(); !got.empty(); got = one.udp->receive()) {
      Heard heard;
      if (!read(got, heard)) continue;
      if (heard.type == kCon) {
        one.token = heard.token;
        one.udp->send(head(kAck, kContent, heard.mid, heard.token) + option(6, "\x01") +
                      option(6, "") + "\xff" + "0");
      } else if (one.waits && heard.type == kAck && heard.token == "tk") {
        if (heard.code != wanted_) fail("refused with " + std::to_string(heard.code));
        if (heard.location.size() == 2) one.location = heard.location[1];
        one.waits = false;
        --waiting_;
      }
    }
  }

  template <class F>
  double phase(char wanted, F&& request) {
    wanted_ = wanted;
    waiting_ = 0;
    const auto start = Clock::now();
    std::size_t next = 0;
    for (auto heard = start; next < count_ || waiting_ != 0;) {
      for (; next < count_ && waiting_ < window_; ++next) {
        Device& one = devices_[next];
        one.request = request(next);
        one.waits = true;
        ++waiting_;
        one.sent = Clock::now();
        one.udp->send(one.request);
      }
      const std::size_t before = waiting_;
      turn(50);
      if (waiting_ != before) heard = Clock::now();
      if (seconds_since(heard) > 20) fail("no answer any more");
      repeat(next);
    }
    return seconds_since(start);
  }
  void repeat(std::size_t begun) {
    if (seconds_since(looked_) < 0.2) return;
    looked_ = Clock::now();
    for (std::size_t i = 0; i < begun; ++i) {
      Device& one = devices_[i];
      if (!one.waits || seconds_since(one.sent) < 2) continue;
      ++again_;
      one.sent = Clock::now();
      one.udp->send(one.request);
    }
  }

  std::size_t count_, window_;
  int poll_ = -1;
  std::vector<Device> devices_;
  std::size_t waiting_ = 0, again_ = 0;
  char wanted_ = 0;
  Clock::time_point looked_ = Clock::now();
};

// Reads MQTT messages until f(payload) has said true for the last of `count`, or none comes for
// five seconds. How many came.
template <class F>
std::size_t drain(Tcp& tcp, std::size_t count, F&& f) {
  std::size_t got = 0;
  while (got < count && readable(tcp.fd(), 5000)) {
    tcp.read([&](std::string_view payload) { f(payload), ++got; });
  }
  return got;
}

std::string member(std::string_view json, std::string_view name) {
  const std::string mark = "\"" + std::string(name) + "\":";
  const auto at = json.find(mark);
  if (at == std::string_view::npos) return {};
  const auto end = json.find_first_of(",}", at + mark.size());
  return std::string(json.substr(at + mark.size(), end - at - mark.size()));
}

// storm udp= tcp= devices= window=: all register at once; each is answered, and reported once.
void storm(const Options& options) {
  Tcp events(options.port("tcp"), "storm-events");
  events.subscribe("lwm2m/+/up/resp");
  std::size_t reported = 0, twice = 0;
  std::unordered_set<std::string> seen;
  Fleet fleet(options);
  std::thread reader([&] {
    reported = drain(events, fleet.size(), [&](std::string_view json) {
      if (!seen.insert(member(json, "ep")).second) ++twice;
    });
  });
  const double before = cpu_of(options.number("pid", 0));
  const double took = fleet.register_all();
  reader.join();
  std::printf(
      "seconds=%.2f again=%zu reported=%zu twice=%zu cpu_us=%.2f\n", took, fleet.again(), reported,
      twice, (cpu_of(options.number("pid", 0)) - before) * 1e6 / static_cast<double>(fleet.size()));
}

// update udp= pid= devices= window= rounds=: CPU microseconds of the broker for each Update.
void update(const Options& options) {
  Fleet fleet(options);
  fleet.register_all();
  fleet.update_all();
  const std::size_t rounds = options.number("rounds", 10), pid = options.number("pid", 0);
  const double before = cpu_of(pid);
  double seconds = 0;
  for (std::size_t i = 0; i < rounds; ++i) seconds += fleet.update_all();
  const double updates = static_cast<double>(rounds * fleet.size());
  std::printf("cpu_us=%.3f rate=%.0f again=%zu\n", (cpu_of(pid) - before) * 1e6 / updates,
              updates / seconds, fleet.again());
}

// hold udp= devices=: "connected" when all are registered; until a line comes from stdin.
void hold(const Options& options) {
  Fleet fleet(options, options.text("prefix", "idle-"));
  fleet.register_all();
  std::puts("connected");
  std::fflush(stdout);
  std::getchar();
}

// notify udp= tcp= pid= devices= rate= seconds= con=0|1: every device is observed; together they
// notify `rate` times a second. How many come to an MQTT client.
void notify(const Options& options) {
  Fleet fleet(options);
  fleet.register_all();
  Tcp commands(options.port("tcp"), "notify-commands");
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    const std::string json =
        R"({"reqID":)" + std::to_string(i) + R"(,"msgType":"observe","data":{"path":"/3/0/9"}})";
    commands.send(tcp_packet(0x30, field("lwm2m/bench-" + std::to_string(i) + "/command") + json));
    if (i % 50 == 49) fleet.turn(5);
  }
  const auto begun = Clock::now();
  for (std::size_t known = 0; known < fleet.size();) {
    fleet.turn(50);
    known = 0;
    for (std::size_t i = 0; i < fleet.size(); ++i) known += !fleet.token(i).empty();
    if (seconds_since(begun) > 60) fail("not all are observed");
  }
  Tcp subscriber(options.port("tcp"), "notify-subscriber");
  subscriber.subscribe("lwm2m/+/up/notify");
  const std::size_t rate = options.number("rate", 10'000);
  const std::size_t total = rate * options.number("seconds", 10), pid = options.number("pid", 0);
  std::size_t received = 0;
  std::thread reader([&] { received = drain(subscriber, total, [](std::string_view) {}); });
  const bool con = options.number("con", 0) != 0;
  const double before = cpu_of(pid);
  const auto start = Clock::now();
  for (std::size_t sent = 0; sent < total; ++sent) {
    fleet.notify(sent % fleet.size(), 2 + sent / fleet.size(), con);
    if (sent % 100 != 99) continue;
    while (seconds_since(start) < static_cast<double>(sent) / static_cast<double>(rate)) {
      fleet.turn(1);
    }
  }
  const double took = seconds_since(start);
  reader.join();
  std::printf("sent=%zu received=%zu lost=%zu rate=%.0f cpu_us=%.2f\n", total, received,
              total - received, static_cast<double>(total) / took,
              (cpu_of(pid) - before) * 1e6 / static_cast<double>(total));
}

int run(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "";
  const Options options(argc, argv);
  if (scenario == "storm") {
    storm(options);
  } else if (scenario == "update") {
    update(options);
  } else if (scenario == "hold") {
    hold(options);
  } else if (scenario == "notify") {
    notify(options);
  } else {
    std::fprintf(stderr, "lwm2m_load storm|update|hold|notify name=value...\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return load::run_load("lwm2m_load", [&] { return run(argc, argv); });
}
