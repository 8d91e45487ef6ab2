// The load for bench.py: many MQTT-SN clients in one process, beside an MQTT client over TCP for
// comparison. One scenario a call: sn_load SCENARIO name=value...; one line of figures comes out.
#include <sys/epoll.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "load_clients.hpp"

namespace {

using namespace load;
using std::chrono::milliseconds;

// Runs `batch` for every batch of messages; CPU microseconds of the broker per message.
void measure(const Options& options, std::size_t batch, const std::function<void()>& run) {
  const std::size_t pid = options.number("pid", 0), count = options.number("count", 50'000);
  const std::size_t batches = std::max<std::size_t>(count / batch, 1);
  for (std::size_t i = 0; i < batches / 10 + 1; ++i) run();
  const double before = cpu_of(pid);
  const auto start = Clock::now();
  for (std::size_t i = 0; i < batches; ++i) run();
  const double messages = static_cast<double>(batches * batch);
  std::printf("cpu_us=%.3f rate=%.0f\n", (cpu_of(pid) - before) * 1e6 / messages,
              messages / seconds_since(start));
}

// Reads what a batch brings to a client over TCP.
class Sink {
 public:
  explicit Sink(std::uint16_t port) : client_(port, "flow-sub") { client_.subscribe("bench/#"); }

  void take(std::size_t messages) {
    for (std::size_t got = 0; got < messages;) {
      if (!readable(client_.fd(), 5000)) fail("lost " + std::to_string(messages - got));
      client_.read([&](std::string_view) { ++got; });
    }
  }

 private:
  Tcp client_;
};

void flow_of_tcp(const Options& options, std::size_t publishers, std::size_t share, Sink* sink) {
  const std::string payload(options.number("size", 20), 'x');
  const std::string one = tcp_packet(0x30, field("bench/topic") + payload);
  std::string all;
  for (std::size_t i = 0; i < share; ++i) all += one;
  std::vector<std::unique_ptr<Tcp>> clients;
  for (std::size_t i = 0; i < publishers; ++i) {
    clients.push_back(std::make_unique<Tcp>(options.port("tcp"), "flow-" + std::to_string(i)));
  }
  measure(options, publishers * share, [&] {
    for (const auto& client : clients) client->send(all);
    if (sink) return sink->take(publishers * share);
    for (const auto& client : clients) client->ping();
  });
}

void flow_of_sn(const Options& options, std::size_t publishers, std::size_t share, Sink* sink) {
  const std::string payload(options.number("size", 20), 'x');
  std::vector<std::unique_ptr<Device>> clients;
  std::vector<std::vector<std::string>> datagrams;
  for (std::size_t i = 0; i < publishers; ++i) {
    clients.push_back(std::make_unique<Device>(options.port("udp")));
    const std::size_t id = clients[i]->open("flow-" + std::to_string(i), "bench/topic");
    datagrams.emplace_back(share, sn_publish(0, id, 0, payload));
    if (!sink) datagrams[i].push_back(message(type::pingreq, {}));
  }
  measure(options, publishers * share, [&] {
    for (std::size_t i = 0; i < publishers; ++i) send_many(clients[i]->fd(), datagrams[i]);
    if (sink) return sink->take(publishers * share);
    for (const auto& client : clients) {
      if (!readable(client->fd(), 5000)) fail("no PINGRESP");
      while (!client->receive().empty()) continue;
    }
  });
}

// QoS 0 publishes in batches that the publishers share evenly; the next batch goes out when the
// last has come to a client over TCP or, with subscriber=0, when a ping behind it is answered. flow
// transport=sn|tcp udp= tcp= pid= publishers= batch= size= count= subscriber=
void flow(const Options& options) {
  const std::size_t publishers = options.number("publishers", 1);
  const std::size_t share = std::max<std::size_t>(options.number("batch", 100) / publishers, 1);
  std::unique_ptr<Sink> sink;
  if (options.number("subscriber", 0)) sink = std::make_unique<Sink>(options.port("tcp"));
  const bool tcp = options.text("transport", "sn") == "tcp";
  (tcp ? flow_of_tcp : flow_of_sn)(options, publishers, share, sink.get());
}

// ---- many clients that publish QoS 1

class Fleet {
 public:
  explicit Fleet(const Options& options)
      : port_(options.port("udp")),
        count_(options.number("clients", 10'000)),
        each_(options.number("each", 5)),
        window_(options.number("window", 200)),
        subscriber_(options.port("tcp"), "fleet-sub"),
        seen_(count_ * each_) {
    poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    subscriber_.subscribe("fleet");
    watch(subscriber_.fd(), count_);
    members_.reserve(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      members_.push_back({std::make_unique<Device>(port_), {}, {}, 0, 0, false});
      watch(members_[i].device->fd(), i);
    }
  }

  void run() {
    const auto start = Clock::now();
    phase("connect", [this](std::size_t i) { return sn_connect("fleet-" + std::to_string(i)); });
    phase("register", [](std::size_t) { return sn_register("fleet"); });
    const double ready = seconds_since(start);
    for (std::size_t k = 0; k < each_; ++k) {
      phase("publish", [this, k](std::size_t i) {
        const auto number = static_cast<std::uint32_t>(i * each_ + k);
        const std::string data(reinterpret_cast<const char*>(&number), sizeof number);
        return sn_publish(0x20, members_[i].topic_id, k + 1, data);
      });
    }
    const double published = seconds_since(start) - ready;
    for (const auto until = Clock::now() + milliseconds(10'000);
         distinct_ < seen_.size() && Clock::now() < until;) {
      turn(100);
    }
    std::printf(
        "clients=%zu acknowledged=%zu lost=%zu duplicates=%zu retransmitted=%zu "
        "connect_s=%.2f publish_s=%.2f\n",
        count_, count_ * each_, seen_.size() - distinct_, received_ - distinct_, again_, ready,
        published);
  }

 private:
  struct Member {
    std::unique_ptr<Device> device;
    std::string request;
    Clock::time_point sent;
    std::size_t topic_id;
    char answer;
    bool waits;
  };

  void watch(int fd, std::size_t who) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = who;
    if (::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) failed("epoll_ctl");
  }

  // Everybody makes one request, `window` at a time; over when all are answered.
  template <class F>
  void phase(const char* what, F&& request) {
    std::size_t next = 0;
    waiting_ = 0;
    for (auto heard = Clock::now(); next < count_ || waiting_ != 0;) {
      for (; next < count_ && waiting_ < window_; ++next) {
        Member& one = members_[next];
        one.request = request(next);
        const std::size_t at = one.request[0] == 1 ? 3 : 1;
        one.answer = static_cast<char>(one.request[at] + 1);
        one.waits = true;
        ++waiting_;
        send(one);
      }
      const std::size_t before = waiting_;
      turn(50);
      if (waiting_ != before) heard = Clock::now();
      if (seconds_since(heard) > 20) {
        fail(std::string("no answer any more: ") + what);
      }
      repeat(next);
    }
  }

  void send(Member& one) {
    one.sent = Clock::now();
    one.device->send(one.request);
  }

  void repeat(std::size_t begun) {
    if (seconds_since(looked_) < 0.2) return;
    looked_ = Clock::now();
    for (std::size_t i = 0; i < begun; ++i) {
      Member& one = members_[i];
      if (!one.waits || seconds_since(one.sent) < 2) continue;
      ++again_;
      if (one.request[1] == type::publish) one.request[2] |= '\x80';
      send(one);
    }
  }

  void turn(int timeout_ms) {
    epoll_event events[256];
    const int n = ::epoll_wait(poll_, events, 256, timeout_ms);
    for (int i = 0; i < n; ++i) {
      if (events[i].data.u64 == count_) {
        subscriber_.read([this](std::string_view payload) { count(payload); });
      } else {
        answered(members_[events[i].data.u64]);
      }
    }
  }

  void answered(Member& one) {
    for (std::string got = one.device->receive(); !got.empty(); got = one.device->receive()) {
      if (!one.waits || got.size() < 2 || got[1] != one.answer) continue;
      if (one.answer == type::regack) one.topic_id = u16_at(got, 2);
      if (got.back() != 0) fail("refused with " + std::to_string(got.back()));
      one.waits = false;
      --waiting_;
    }
  }

  void count(std::string_view payload) {
    std::uint32_t number = 0;
    if (payload.size() == sizeof number) std::memcpy(&number, payload.data(), sizeof number);
    ++received_;
    if (number < seen_.size() && !seen_[number]) seen_[number] = true, ++distinct_;
  }

  std::uint16_t port_;
  std::size_t count_, each_, window_;
  Tcp subscriber_;
  std::vector<bool> seen_;
  std::vector<Member> members_;
  int poll_ = -1;
  std::size_t waiting_ = 0, again_ = 0, received_ = 0, distinct_ = 0;
  Clock::time_point looked_ = Clock::now();
};

// ---- idle clients: "connected" when they all are, and at each line from stdin the next state

// hold udp= tcp= transport=sn|tcp clients=
void hold(const Options& options) {
  const std::size_t count = options.number("clients", 10'000);
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<std::unique_ptr<Tcp>> connections;
  const bool tcp = options.text("transport", "sn") == "tcp";
  const std::string prefix = options.text("prefix", "idle-");
  for (std::size_t i = 0; i < count; ++i) {
    const std::string client = prefix + std::to_string(i);
    if (tcp) {
      connections.push_back(std::make_unique<Tcp>(options.port("tcp"), client));
    } else {
      devices.push_back(std::make_unique<Device>(options.port("udp")));
      devices.back()->ask(sn_connect(client), type::connack);
    }
  }
  const auto said = [](const char* what) {
    std::puts(what);
    std::fflush(stdout);
    std::getchar();
  };
  said("connected");
  if (tcp) return;
  for (auto& device : devices) {
    device->ask(message(type::disconnect, u16(3600)), type::disconnect);
  }
  said("asleep");
}

// ---- a client's round trips beside a flood of junk

// Sends `rate` datagrams a second, 20 at a time, of random octets and of messages of nobody, until
// told to end.
void flood(std::uint16_t port, std::size_t rate, const std::atomic<bool>& end,
           std::atomic<std::size_t>& sent) {
  std::vector<std::unique_ptr<Device>> sources;
  for (int i = 0; i < 8; ++i) sources.push_back(std::make_unique<Device>(port));
  std::vector<std::string> junk;
  std::srand(1);
  for (std::size_t i = 0; i < 20; ++i) {
    std::string one = sn_publish(0x20, 300, 1, "junk of nobody");
    if (i % 2) {
      for (char& octet : one) octet = static_cast<char>(std::rand());
    }
    junk.push_back(one);
  }
  const auto start = Clock::now();
  for (std::size_t turn = 0; !end; ++turn) {
    send_many(sources[turn % sources.size()]->fd(), junk);
    sent += junk.size();
    const double due = static_cast<double>(sent) / static_cast<double>(rate);
    std::this_thread::sleep_until(
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due)));
  }
}

// junk udp= rate= count= elsewhere=0|1: the flood goes to the gateway, or only costs the machine.
void junk(const Options& options) {
  const std::size_t rate = options.number("rate", 100'000), count = options.number("count", 2000);
  const Device device(options.port("udp"));
  device.ask(sn_connect("junk-ping"), type::connack);
  std::atomic<bool> end = false;
  std::atomic<std::size_t> sent = 0;
  std::thread flooding;
  const auto start = Clock::now();
  const int drain = bound_udp();
  const std::uint16_t target =
      options.number("elsewhere", 0) ? port_of(drain) : options.port("udp");
  if (rate != 0) {
    flooding = std::thread([&] { flood(target, rate, end, sent); });
    while (sent < rate / 2) std::this_thread::sleep_for(milliseconds(10));
  }
  std::vector<double> took;
  std::size_t lost = 0;
  const std::string ping = message(type::pingreq, {});
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    device.send(ping);
    if (readable(device.fd(), 1000) && device.receive() == message(type::pingresp, {})) {
      took.push_back(seconds_since(begin) * 1e6);
    } else {
      ++lost;
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
  const double rate_was = static_cast<double>(sent) / seconds_since(start);
  end = true;
  if (flooding.joinable()) flooding.join();
  ::close(drain);
  std::sort(took.begin(), took.end());
  if (took.empty()) fail("no answer at all");
  const auto quantile = [&](std::size_t percent) { return took[took.size() * percent / 100]; };
  std::printf("p50_us=%.0f p90_us=%.0f p99_us=%.0f lost=%zu junk_per_s=%.0f\n", quantile(50),
              quantile(90), quantile(99), lost, rate_was);
}

int run(int argc, char** argv) {
  const std::string scenario = argc > 1 ? argv[1] : "";
  const Options options(argc, argv);
  if (scenario == "flow") {
    flow(options);
  } else if (scenario == "fleet") {
    Fleet(options).run();
  } else if (scenario == "hold") {
    hold(options);
  } else if (scenario == "junk") {
    junk(options);
  } else {
    std::fprintf(stderr, "sn_load flow|fleet|hold|junk name=value...\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return load::run_load("sn_load", [&] { return run(argc, argv); });
}
