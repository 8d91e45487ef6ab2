// Plugins that come and go while clients are busy: nobody is dropped, no message is lost, nothing
// stays.
//
// KEEL_CYCLES and KEEL_SOAK_SECONDS in the environment make the runs longer than they are here; a
// soak that was asked for is also judged by how long an upgrade keeps devices waiting.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "tests/system/support/plugins.hpp"
#include "tests/system/support/system.hpp"

namespace keel::test {

namespace {

int from_environment(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

// Milliseconds that calls took, for a message.
class Durations {
 public:
  template <class F>
  auto time(F&& call) {
    const auto before = Clock::now();
    auto result = call();
    add(std::chrono::duration<double, std::milli>(Clock::now() - before).count());
    return result;
  }
  void add(double ms) {
    sorted_ = false;
    all_.push_back(ms);
  }
  double at(double share) {
    if (!std::exchange(sorted_, true)) std::sort(all_.begin(), all_.end());
    return all_.at(static_cast<std::size_t>(static_cast<double>(all_.size() - 1) * share));
  }
  std::string text() {
    std::ostringstream out;
    out << "p50 " << at(0.5) << " p99.9 " << at(0.999) << " max " << at(1) << " ms";
    return out.str();
  }

 private:
  std::vector<double> all_;
  bool sorted_ = false;
};

// One life of the chaos plugin; `unloads` gets how long `ctl plugins unload` took.
void one_cycle(BrokerProcess& broker, Durations& unloads) {
  broker.ctl_ok({"plugins", "load", "chaos", "--once"});
  const std::string gone = unloads.time([&] {
    return broker.ctl_ok({"plugins", "unload", "chaos", "--now"});
  });
  if (!contains(gone, "unmapped")) FAIL(gone);
}

// What a subscriber has got. Publishers that share it stay so close ahead of it that the
// subscriber's queue in the broker cannot overflow, however slow a machine is.
class Window {
 public:
  void arrived() {
    ++arrived_;
    arrived_.notify_all();
  }
  void give_up() {
    given_up_ = true;
    arrived();
  }
  void sent() {
    ++sent_;
    for (int seen = arrived_; !given_up_ && sent_ - seen >= kAhead; seen = arrived_)
      arrived_.wait(seen);
  }
  int count() const { return arrived_; }

 private:
  static constexpr int kAhead = 500;  // limits.max_queued is 1 000
  std::atomic<int> sent_{0}, arrived_{0};
  std::atomic<bool> given_up_{false};
};

// Publishes QoS 1 messages one after the other until told to stop, each acknowledged.
class Load {
 public:
  Load(BrokerProcess& broker, const std::string& id, Window* window = nullptr)
      : client_(broker.connect(id, Version::v311)), topic_("load/" + id), window_(window) {
    thread_ = std::thread([this] { run(); });
  }
  ~Load() { stop(); }
  int stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return sent_;
  }
  const std::string& topic() const { return topic_; }
  const std::string& error() const { return error_; }  // after stop()

 private:
  void run() {
    try {
      while (!stop_) {
        client_.publish(topic_, std::to_string(sent_), 1);
        ++sent_;
        if (window_) window_->sent();
      }
      client_.publish("load/end", "", 1);  // comes behind all the others
    } catch (const std::exception& failure) {
      error_ = failure.what();
    }
  }
  Client client_;
  std::string topic_, error_;
  Window* window_;
  std::atomic<bool> stop_{false};
  std::atomic<int> sent_{0};
  std::thread thread_;
};

}  // namespace

TEST_SUITE_BEGIN("plugins_load");

TEST_CASE("a plugin that does everything is loaded and unloaded under load") {
  const int cycles = from_environment("KEEL_CYCLES", kSlowdown > 1 ? 200 : 1000);
  BrokerProcess broker(zoo_settings());
  Client subscriber = broker.connect("sub", Version::v311);
  subscriber.subscribe("load/#", 1);
  Window received;
  std::string failure;
  std::thread receiver([&] {
    try {
      for (int ended = 0; ended < 2;) {
        const Packet packet = subscriber.expect(Type::publish);
        subscriber.acknowledge(packet);
        if (packet.topic == "load/end")
          ++ended;
        else
          received.arrived();
      }
    } catch (const std::exception& error) {
      failure = error.what();
      received.give_up();
    }
  });
  Durations idle, loaded;
  for (int i = 0; i < 20; ++i) one_cycle(broker, idle);
  std::uint64_t early = 0;
  int sent = 0;
  {
    Load one(broker, "one", &received), two(broker, "two", &received);
    for (int i = 0; i < cycles; ++i) {
      one_cycle(broker, loaded);
      if (i == cycles / 4) early = broker.resident_kib();
    }
    sent = one.stop() + two.stop();
    CHECK(one.error().empty());
    CHECK(two.error().empty());
  }
  const std::uint64_t late = broker.resident_kib();
  receiver.join();
  CHECK(failure.empty());
  CHECK(received.count() == sent);
  CHECK(sent > cycles / 10);
  CHECK_FALSE(is_mapped(broker, "chaos"));
  CHECK(contains(broker.ctl_ok({"metrics", "--prometheus"}), "keel_plugins_resident_total 0"));
  CHECK(late <= early + allowance(2'048));
  MESSAGE(cycles << " cycles, " << sent << " messages, " << early << " -> " << late << " KiB");
  MESSAGE("ctl plugins unload, idle: " << idle.text() << "; under load: " << loaded.text());
}

#if defined(__SANITIZE_THREAD__)
TEST_CASE("ThreadSanitizer notices when the barriers are left out") {
  BrokerOptions options;
  options.environment = {"KEEL_TEST_NO_BARRIER=1"};
  options.orderly_end = false;
  BrokerProcess broker(zoo_settings(), options);
  Load one(broker, "one"), two(broker, "two");
  for (int i = 0; i < 50 && broker.running(); ++i) {
    broker.ctl({"plugins", "load", "chaos", "--once"});
    broker.ctl({"plugins", "unload", "chaos", "--now"});
    if (contains(broker.log(), "ThreadSanitizer")) break;
  }
  CHECK((contains(broker.log(), "ThreadSanitizer") || !broker.running()));
}
#endif

TEST_CASE("a gateway is upgraded again and again; no device notices") {
  const int seconds = from_environment("KEEL_SOAK_SECONDS", 3);
  GatewayBroker broker;
  Client tcp = broker.connect("tcp", Version::v311);
  tcp.subscribe("dev/#", 1);
  UdpClient device(udp_port_of(broker));
  device.send("hello dev-1");
  CHECK(device.receive() == "ok hello");
  device.send("sub cmd/#");
  CHECK(device.receive() == "ok sub");

  const Deadline end(Milliseconds{seconds * 1000});
  std::atomic<int> upgrades{0}, failures{0};
  std::jthread upgrader([&](const std::stop_token& stop) {
    const std::string file = (examples_dir() / "udp_gateway.so").string();
    while (!stop.stop_requested()) {
      const Outcome outcome = broker.ctl({"plugins", "upgrade", "udp_gateway", file});
      ++(outcome.exit == 0 ? upgrades : failures);
    }
  });
  int lost = 0, messages = 0;
  Durations waits;
  while (!end.passed()) {
    const std::string number = std::to_string(messages++);
    const std::string answer = waits.time([&] {
      device.send("pub dev/1 " + number);
      return device.receive();
    });
    if (answer != "ok pub") ++lost;
    tcp.take("dev/1", number, 1);
    tcp.publish("cmd/1", number, 1);
    if (device.receive() != "msg cmd/1 " + number) ++lost;
  }
  upgrader.request_stop();
  upgrader.join();
  CHECK(lost == 0);
  CHECK(failures == 0);
  CHECK(upgrades > 0);
  CHECK(contains(broker.ctl_ok({"clients", "list"}), "dev-1"));
  MESSAGE(upgrades.load() << " upgrades, " << messages << " round trips: " << waits.text());
  if (std::getenv("KEEL_SOAK_SECONDS")) CHECK(waits.at(0.999) < 50.0 * kSlowdown);
}

TEST_CASE("an upgrade that fails leaves the running version in service") {
  GatewayBroker broker;
  UdpClient device(udp_port_of(broker));
  device.send("hello dev-1");
  CHECK(device.receive() == "ok hello");
  // Refused before it, while it is made, when it takes the state, when it starts.
  for (const std::string bad : {"no_section", "ok", "gateway_no_create", "gateway_no_state",
                                "gateway_no_start", "gateway_throws"}) {
    CAPTURE(bad);
    const Outcome outcome =
        broker.ctl({"plugins", "upgrade", "udp_gateway", (zoo_dir() / (bad + ".so")).string()});
    CHECK(outcome.exit == 1);
    CHECK(contains(outcome.out, "the running version goes on"));
    device.send("pub dev/1 x");
    CHECK(device.receive() == "ok pub");
  }
  CHECK(contains(broker.ctl_ok({"plugins", "upgrade", "udp_gateway",
                                (examples_dir() / "udp_gateway.so").string()}),
                 "unmapped"));
  device.send("pub dev/1 x");
  CHECK(device.receive() == "ok pub");
  CHECK(contains(broker.ctl_ok({"plugins", "unload", "udp_gateway", "--now"}), "unmapped"));
  CHECK(device.receive() == "bye");
}

TEST_SUITE_END();

}  // namespace keel::test
